/* One list of error codes for all rooms. Only api_reply_err() turns them into HTTP statuses. */
#ifndef HOB_UTIL_ERR_H
#define HOB_UTIL_ERR_H

#include "util/util_auto.h"

enum err {
    ERR_OK = 0,
    ERR_INVALID,         /* what the caller or peer sent is wrong; why says what */
    ERR_UNAUTHENTICATED, /* nobody, or a credential that is not valid */
    ERR_DENIED,          /* known, but without the right */
    ERR_NOT_FOUND,
    ERR_EXISTS,   /* already there, or in conflict with what is there */
    ERR_TOO_BIG,  /* over a named limit */
    ERR_LIMITED,  /* rate limited: later */
    ERR_BUSY,     /* queue or pool full: later */
    ERR_LOADING,  /* engine starting, loading or stopping: later */
    ERR_FAILED,   /* engine failed, or may not be started by this */
    ERR_REFUSED,  /* connection refused */
    ERR_CLOSED,   /* the peer went away in the middle */
    ERR_PROTOCOL, /* the peer does not speak the protocol */
    ERR_TIMEOUT,
    ERR_CANCELLED,   /* on our side's wish */
    ERR_NO_SPACE,    /* disk full */
    ERR_IO,          /* other system error; why carries errno's text */
    ERR_CORRUPT,     /* stored data is damaged */
    ERR_UNSUPPORTED, /* valid, but this build or engine cannot do it */
    ERR_N            /* count, not a code */
};

/* "not_found" and so on; for logs and machine-readable codes. */
const char *err_name(enum err e);

/* A sentence for people; written on failure only. */
struct err_text {
    char text[512];
};

/* Writes why (may be NULL) and returns e: `return err_set(why, ERR_INVALID, "port %d: out of range", port);` */
enum err err_set(struct err_text *why, enum err e, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* ERR_NO_SPACE, ERR_NOT_FOUND, ERR_EXISTS, ERR_DENIED, ERR_REFUSED, ERR_TIMEOUT ... or ERR_IO for an errno value (positive). */
enum err err_from_errno(int errnum);

/* clang's analyzer does not see into util_err.c: what it is to know is that neither returns ERR_OK. */
#ifdef __clang_analyzer__
#define err_set(why, e, ...)   ((err_set)(why, e, __VA_ARGS__), (e))
#define err_from_errno(errnum) ((err_from_errno)(errnum), ERR_IO)
#endif

#endif
