/* Names of error codes, and errno values as codes. */
#include "util/util_err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

const char *err_name(enum err e)
{
    static const char *const names[ERR_N] = {
        [ERR_OK] = "ok",
        [ERR_INVALID] = "invalid",
        [ERR_UNAUTHENTICATED] = "unauthenticated",
        [ERR_DENIED] = "denied",
        [ERR_NOT_FOUND] = "not_found",
        [ERR_EXISTS] = "exists",
        [ERR_TOO_BIG] = "too_big",
        [ERR_LIMITED] = "limited",
        [ERR_BUSY] = "busy",
        [ERR_LOADING] = "loading",
        [ERR_FAILED] = "failed",
        [ERR_REFUSED] = "refused",
        [ERR_CLOSED] = "closed",
        [ERR_PROTOCOL] = "protocol",
        [ERR_TIMEOUT] = "timeout",
        [ERR_CANCELLED] = "cancelled",
        [ERR_NO_SPACE] = "no_space",
        [ERR_IO] = "io",
        [ERR_CORRUPT] = "corrupt",
        [ERR_UNSUPPORTED] = "unsupported",
    };
    return (unsigned)e < ERR_N && names[e] ? names[e] : "unknown";
}

/* in parentheses: not the macro that the analyzer gets */
enum err(err_set)(struct err_text *why, enum err e, const char *fmt, ...)
{
    if (why) {
        va_list args;
        va_start(args, fmt);
        (void)vsnprintf(why->text, sizeof why->text, fmt, args);
        va_end(args);
    }
    return e;
}

enum err(err_from_errno)(int errnum)
{
    switch (errnum) {
    case 0: return ERR_OK;
    case ENOENT:
    case ENOTDIR: return ERR_NOT_FOUND;
    case EEXIST: return ERR_EXISTS;
    case EACCES:
    case EPERM: return ERR_DENIED;
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return ERR_NO_SPACE;
    case ECONNREFUSED: return ERR_REFUSED;
    case ECONNRESET:
    case EPIPE: return ERR_CLOSED;
    case ETIMEDOUT: return ERR_TIMEOUT;
    case ECANCELED: return ERR_CANCELLED;
    default: return ERR_IO;
    }
}
