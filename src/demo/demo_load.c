/* The demo's load: how long nobody listens, the progress of a pretended load, and what its parent tells on stdin. */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "demo/demo_impl.h"

/* llama-server tells of its progress as often. */
#define PROGRESS_MS 100
#define MAX_LINE    1024

/* The protocol between llama-server's router and its children: lines on stdout and stdin. */
static void tell_router(const struct demo *d, double value)
{
    if (!d->is_child)
        return;
    if (value < 1)
        printf("cmd_child_to_router:state:{\"state\":\"loading\",\"payload\":{\"stages\":[\"text_model\"],"
               "\"current\":\"text_model\",\"value\":%.2f}}\n",
               value);
    else
        puts("cmd_child_to_router:state:{\"state\":\"ready\"}");
    (void)fflush(stdout);
}

/* As older builds do: one dot a percent. */
static void draw_dots(struct demo *d, double value)
{
    if (d->is_child || d->options->load_s <= 0)
        return;
    for (; d->dots < (int)(value * 100); d->dots++)
        (void)fputc('.', stderr);
    if (value >= 1)
        (void)fputc('\n', stderr);
}

/* Held until the process ends, like a model's weights. */
static bool take_memory(struct demo *d, size_t size)
{
    if (size == 0)
        return true;
    d->weights = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (d->weights == MAP_FAILED)
        return false;
    memset(d->weights, 1, size);
    return true;
}

static void become_ready(struct demo *d)
{
    if (!take_memory(d, (size_t)d->options->memory_bytes)) {
        (void)fputs("error: failed to allocate memory for model '" DEMO_MODEL "'\n", stderr);
        demo_quit(d, 1);
        return;
    }
    d->state = DEMO_READY;
    tell_router(d, 1);
    if (d->options->socket_path)
        fprintf(stderr, "demo-engine: ready, listening on %s\n", d->options->socket_path);
    else
        fprintf(stderr, "demo-engine: ready, listening on http://127.0.0.1:%d\n", d->port);
    /* whoever started it is gone */
    if (d->stdin_ended)
        demo_quit(d, 1);
}

static void on_progress(void *arg)
{
    struct demo *d = arg;
    int64_t load_ms = (int64_t)(d->options->load_s * 1000);
    int64_t elapsed_ms = clock_ms() - d->load_started_ms;
    double value = load_ms > 0 ? (double)elapsed_ms / (double)load_ms : 1;
    if (d->options->die_while_loading && value >= 0.5) {
        (void)fputs("\nerror: failed to load model '" DEMO_MODEL "': told to die while loading\n"
                    "demo-engine: exiting due to model loading error\n",
                    stderr);
        demo_quit(d, 1);
        return;
    }
    draw_dots(d, value > 1 ? 1 : value);
    if (value >= 1) {
        become_ready(d);
        return;
    }
    tell_router(d, value);
    int64_t left_ms = load_ms - elapsed_ms;
    loop_timer_start(&d->timer, left_ms < PROGRESS_MS ? left_ms : PROGRESS_MS);
}

static void on_refused_enough(void *arg)
{
    struct demo *d = arg;
    if (!demo_listen(d)) {
        demo_quit(d, 1);
        return;
    }
    d->state = DEMO_LOADING;
    d->load_started_ms = clock_ms();
    fprintf(stderr, "demo-engine: loading model '" DEMO_MODEL "'\n");
    for (int i = 1; i <= d->options->log_lines; i++)
        fprintf(stderr, "demo-engine: line %d of %d\n", i, d->options->log_lines);
    loop_timer_init(&d->timer, d->loop, on_progress, d);
    on_progress(d);
}

/* ---- stdin ---- */

static void take_stdin(struct demo *d, struct span bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.p[i] != '\n') {
            if (d->stdin_line.len < MAX_LINE)
                buf_add_char(&d->stdin_line, bytes.p[i]);
            continue;
        }
        if (span_is(span_trim(buf_span(&d->stdin_line)), "cmd_router_to_child:exit"))
            demo_quit(d, 0);
        buf_clear(&d->stdin_line);
    }
}

/* EOF ends llama-server only once it is ready; before, nobody reads. */
static void end_stdin(struct demo *d)
{
    d->stdin_ended = true;
    if (d->state == DEMO_READY)
        demo_quit(d, 1);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *out)
{
    (void)suggested;
    struct demo *d = h->data;
    *out = uv_buf_init(d->stdin_bytes, sizeof d->stdin_bytes);
}

static void on_stdin(uv_stream_t *s, ssize_t n, const uv_buf_t *bytes)
{
    struct demo *d = s->data;
    if (n > 0) {
        take_stdin(d, span_of(bytes->base, (size_t)n));
    } else if (n < 0) {
        (void)uv_read_stop(s);
        end_stdin(d);
    }
}

static void free_handle(uv_handle_t *h)
{
    free(h);
}

static void watch_stdin(struct demo *d)
{
    uv_handle_type type = uv_guess_handle(STDIN_FILENO);
    if (type == UV_TTY)
        return;
    if (type != UV_NAMED_PIPE) {
        /* /dev/null or a file: at its end already, as for llama-server */
        d->stdin_ended = true;
        return;
    }
    uv_pipe_t *pipe = xcalloc(1, sizeof *pipe);
    (void)uv_pipe_init(loop_uv(d->loop), pipe, 0);
    pipe->data = d;
    d->stdin_stream = (uv_stream_t *)pipe;
    if (uv_pipe_open(pipe, STDIN_FILENO) != 0 || uv_read_start(d->stdin_stream, on_alloc, on_stdin) != 0)
        d->stdin_ended = true;
}

/* ---- lifecycle ---- */

void demo_load_start(struct demo *d)
{
    const char *router = getenv("LLAMA_SERVER_ROUTER_PORT");
    d->is_child = router && router[0];
    if (d->is_child)
        watch_stdin(d);
    d->state = DEMO_REFUSING;
    loop_timer_init(&d->timer, d->loop, on_refused_enough, d);
    if (d->options->refuse_s > 0)
        loop_timer_start(&d->timer, (int64_t)(d->options->refuse_s * 1000));
    else
        on_refused_enough(d);
}

void demo_load_close(struct demo *d)
{
    loop_timer_stop(&d->timer);
    if (d->stdin_stream)
        uv_close((uv_handle_t *)d->stdin_stream, free_handle);
    d->stdin_stream = NULL;
    buf_release(&d->stdin_line);
}
