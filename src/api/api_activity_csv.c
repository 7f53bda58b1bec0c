/* Records as CSV (RFC 4180). Names and models come from people: no table program may run them. */
#include <time.h>

#include "api/api_activity.h"

static void add_text(struct buf *out, const char *text)
{
    if (!text)
        text = "";
    bool is_formula = text[0] && strchr("=+-@\t\r", text[0]);
    bool is_quoted = is_formula || strpbrk(text, "\",\r\n;") || text[0] == ' ';
    if (is_quoted)
        buf_add_char(out, '"');
    if (is_formula)
        buf_add_char(out, '\'');
    for (; *text; text++) {
        if (*text == '"')
            buf_add_char(out, '"');
        buf_add_char(out, *text);
    }
    if (is_quoted)
        buf_add_char(out, '"');
    buf_add_char(out, ',');
}

static void add_count(struct buf *out, int64_t n)
{
    if (n >= 0)
        buf_addf(out, "%lld", (long long)n);
    buf_add_char(out, ',');
}

static void add_time(struct buf *out, int64_t at)
{
    time_t second = (time_t)(at / 1000);
    struct tm tm;
    char text[32] = "";
    if (gmtime_r(&second, &tm))
        (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    buf_addf(out, "%s.%03dZ,", text, (int)(at % 1000));
}

void activity_add_csv(struct buf *out, const struct activity_row *a)
{
    const struct activity_kind *k = a->kind;
    add_time(out, a->at);
    const char *const texts[] = {a->request_id,  k->user_name, k->key_name,
                                 k->server_name, k->model,     k->route};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        add_text(out, texts[i]);
    add_count(out, k->status > 0 ? k->status : -1);
    add_text(out, k->code);
    buf_addf(out, "%d,%d,", k->is_stream, k->client_gone);
    add_count(out, a->held_ms);
    add_count(out, a->first_ms);
    add_count(out, a->total_ms);
    add_count(out, a->tokens_in);
    add_count(out, a->tokens_out);
    if (a->tokens_per_s >= 0)
        buf_addf(out, "%.2f", a->tokens_per_s);
    buf_addf(out, ",%lld,%lld\r\n", (long long)a->bytes_in, (long long)a->bytes_out);
}
