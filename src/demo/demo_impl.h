/* demo_impl: what the files of the demo's server share. */
#ifndef HOB_DEMO_IMPL_H
#define HOB_DEMO_IMPL_H

#include "demo/demo.h"
#include "demo/demo_answer.h"
#include "demo/demo_request.h"
#include "http/http.h"
#include "loop/loop.h"

/*
 *   REFUSING --refuse_s--> LOADING --load_s--> READY
 *   (no listener)          (503 to all)        (answers)
 */
enum demo_state { DEMO_REFUSING, DEMO_LOADING, DEMO_READY };

struct demo {
    const struct demo_options *options;
    struct loop *loop;
    struct http_server *http;
    enum demo_state state;
    struct demo_guide *guide;
    struct list jobs; /* running and waiting, oldest first */
    int n_running;
    int port;      /* that it listens on; 0 with a socket */
    void *weights; /* what it was told to take of memory */
    int exit_status;
    bool has_quit;

    bool is_child;           /* LLAMA_SERVER_ROUTER_PORT is set: speak the router's protocol */
    struct loop_timer timer; /* of refusing and loading */
    int64_t load_started_ms;
    int dots;                  /* written so far, one a percent */
    uv_stream_t *stdin_stream; /* or NULL */
    struct buf stdin_line;
    bool stdin_ended;
    char stdin_bytes[512];
};

/* ---- demo_load.c: from start to READY ---- */

/* Starts to refuse or to load, and to listen to stdin when a router is the parent. */
void demo_load_start(struct demo *d);
void demo_load_close(struct demo *d);

/* ---- demo_server.c ---- */

/* Opens the port or socket; false (said on stderr) if that cannot be. */
bool demo_listen(struct demo *d);
/* Ends the loop with that exit status. */
void demo_quit(struct demo *d, int exit_status);
/* llama-server's error body: code is a number, there is no param. */
void demo_reply_error(struct http_exchange *x, int status, const char *message);
void demo_reply_json(struct http_exchange *x, int status, const struct buf *body);

/* ---- demo_job.c: answers ---- */

/* Takes the request; the answer begins when a slot is free. */
void demo_job_start(struct demo *d, struct http_exchange *x, struct demo_request *request);
/* Drops all answers. */
void demo_jobs_close(struct demo *d);

#endif
