/* Finds out whether a client that has shut its side is still there. */
#include "relay/relay_probe.h"

/* Before the next probe. */
static const int64_t waits_ms[] = {15, 60, 300};

static void probe(void *arg)
{
    struct relay_probe *p = arg;
    if (p->n < COUNT_OF(waits_ms))
        loop_timer_start(&p->timer, waits_ms[p->n++]);
    if (!http_exchange_has_begun(p->x))
        http_exchange_probe(p->x);
    else
        http_exchange_write(p->x, span_str(p->filler(p->arg)));
}

static void on_client_shut(struct http_exchange *x, void *arg)
{
    (void)x;
    probe(arg);
}

void relay_probe_start(struct relay_probe *p, struct loop *l, struct http_exchange *x, relay_filler_fn filler,
                       void *arg)
{
    *p = (struct relay_probe){.x = x, .filler = filler, .arg = arg};
    loop_timer_init(&p->timer, l, probe, p);
    http_exchange_on_shut(x, on_client_shut, p);
    if (http_exchange_has_shut(x))
        loop_timer_start(&p->timer, 0);
}

void relay_probe_forget(struct relay_probe *p)
{
    loop_timer_stop(&p->timer);
    p->x = NULL;
}

void relay_probe_stop(struct relay_probe *p)
{
    if (p->x)
        http_exchange_on_shut(p->x, NULL, NULL);
    relay_probe_forget(p);
}
