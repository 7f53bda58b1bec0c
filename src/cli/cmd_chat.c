/* hob chat: one question from the command line, or a conversation line by line. */
#include "cli/cmd_chat.h"

#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/chat_answer.h"
#include "cli/cli_text.h"

#define EXIT_BY_INTERRUPT 130 /* as shells have it */

static const char usage[] =
    "usage: hob chat [--server NAME] [--conversation ID] [--data DIR] [--config FILE] [MESSAGE...]\n"
    "\n"
    "  Asks a model of the running hob. Without MESSAGE it reads one message a line; Ctrl-C stops an answer, Ctrl-D ends.\n"
    "  A model that is still loading is waited for, with three attempts after the first.\n"
    "\n"
    "  --server NAME      which server is asked (the first that is ready, else the first)\n"
    "  --conversation ID  go on with this conversation (a new one)\n"
    "  --data DIR         the data folder of the running hob\n"
    "  --config FILE      the settings that the running hob was started with\n";

struct arguments {
    const char *server, *conversation, *data, *config;
};

struct chat {
    struct control control;
    struct chat_screen screen;
    char conversation_id[UUID_LEN + 1];
    char last_id[UUID_LEN + 1]; /* what the next message hangs on; "": it is the first */
    char *server_id, *server_name;
};

/* ---- which server, which conversation ---- */

static bool is_ready(yyjson_val *server)
{
    return strcmp(json_str_or(yyjson_obj_get(server, "engine"), "state", ""), "ready") == 0;
}

/* By name or id; without one the first that is ready, else the first; NULL when there is none. */
static yyjson_val *choose(yyjson_val *servers, const char *wanted)
{
    size_t i, n;
    yyjson_val *server;
    yyjson_arr_foreach(servers, i, n, server) {
        if (wanted ? str_eq(json_str_or(server, "name", NULL), wanted) ||
                         str_eq(json_str_or(server, "id", NULL), wanted)
                   : is_ready(server))
            return server;
    }
    return wanted ? NULL : yyjson_arr_get_first(servers);
}

static void complain_of_server(struct chat *chat, yyjson_val *servers, const char *wanted)
{
    AUTO(buf) struct buf *text = buf_new();
    size_t i, n;
    yyjson_val *server;
    if (wanted)
        buf_addf(text, "hob: there is no server called \"%s\".", wanted);
    else
        buf_add_str(text, "hob: there is no server yet. Add one on the Servers page.");
    yyjson_arr_foreach(servers, i, n, server) {
        buf_add_str(text, i ? ", " : " There are: ");
        text_add_line(text, span_str(json_str_or(server, "name", "")));
    }
    buf_add_char(text, '\n');
    screen_say(&chat->screen, buf_span(text));
}

static bool find_server(struct chat *chat, const char *wanted, const char *usual_id)
{
    struct control_answer answer;
    control_ask(&chat->control, "GET", "/api/servers", (struct span){0}, &answer);
    bool is_there = !control_complain(&chat->control, &answer, 200);
    if (is_there) {
        yyjson_val *servers = yyjson_obj_get(answer.root, "servers");
        /* A conversation stays with its server while that exists. */
        yyjson_val *usual = !wanted && usual_id ? choose(servers, usual_id) : NULL;
        yyjson_val *server = usual ? usual : choose(servers, wanted);
        is_there = server != NULL;
        if (server) {
            xreplace(&chat->server_id, json_str_or(server, "id", ""));
            xreplace(&chat->server_name, json_str_or(server, "name", ""));
        } else {
            complain_of_server(chat, servers, wanted);
        }
    }
    control_answer_release(&answer);
    return is_there;
}

/* Goes on after the newest message. *out_server_id is the caller's. */
static bool find_conversation(struct chat *chat, const char *id, char **out_server_id)
{
    if (!uuid_is_valid(span_str(id))) {
        fprintf(stderr,
                "hob: --conversation takes the id at the end of a conversation's address, not \"%s\"\n", id);
        return false;
    }
    struct control_answer answer;
    AUTO(mem) char *target = xasprintf("/api/conversations/%s", id);
    control_ask(&chat->control, "GET", target, (struct span){0}, &answer);
    bool is_there = !control_complain(&chat->control, &answer, 200);
    if (is_there) {
        yyjson_val *newest = yyjson_arr_get_last(yyjson_obj_get(answer.root, "messages"));
        (void)snprintf(chat->conversation_id, sizeof chat->conversation_id, "%s", id);
        (void)snprintf(chat->last_id, sizeof chat->last_id, "%s", json_str_or(newest, "id", ""));
        *out_server_id = xstrdup(json_str_or(yyjson_obj_get(answer.root, "conversation"), "server_id", NULL));
    }
    control_answer_release(&answer);
    return is_there;
}

/* A conversation belongs to somebody. */
static bool has_owner(struct chat *chat)
{
    struct control_answer answer;
    control_ask(&chat->control, "GET", "/api/session", (struct span){0}, &answer);
    bool ok = !control_complain(&chat->control, &answer, 200);
    if (ok && yyjson_get_bool(yyjson_obj_get(answer.root, "setup_needed"))) {
        (void)fputs("hob: there is no account yet. Open the set-up link that `hob serve` printed.\n", stderr);
        ok = false;
    }
    control_answer_release(&answer);
    return ok;
}

static bool prepare(struct chat *chat, const struct arguments *args)
{
    AUTO(mem) char *usual_id = NULL;
    rand_uuid(chat->conversation_id);
    if (!has_owner(chat))
        return false;
    if (args->conversation && !find_conversation(chat, args->conversation, &usual_id))
        return false;
    return find_server(chat, args->server, usual_id);
}

/* ---- asking ---- */

static enum chat_end ask(struct chat *chat, struct span text)
{
    char last_id[UUID_LEN + 1];
    const struct chat_question question = {.conversation_id = chat->conversation_id,
                                           .parent_id = chat->last_id,
                                           .server_id = chat->server_id,
                                           .server_name = chat->server_name,
                                           .text = text};
    enum chat_end end = chat_answer(&chat->control, &chat->screen, &question, last_id);
    memcpy(chat->last_id, last_id, sizeof last_id);
    return end;
}

static int exit_status(enum chat_end end)
{
    switch (end) {
    case CHAT_ANSWERED: return 0;
    case CHAT_STOPPED: return EXIT_BY_INTERRUPT;
    case CHAT_INTERRUPTED:
    case CHAT_UNANSWERED: break;
    }
    return 1;
}

static int ask_once(struct chat *chat, char **words, int n)
{
    AUTO(buf) struct buf *text = buf_new();
    for (int i = 0; i < n; i++) {
        if (i)
            buf_add_char(text, ' ');
        buf_add_str(text, words[i]);
    }
    return exit_status(ask(chat, buf_span(text)));
}

static void greet(struct chat *chat)
{
    AUTO(buf) struct buf *text = buf_new();
    text_add_line(text, span_str(chat->server_name));
    buf_addf(text, ". Ctrl-C stops an answer, Ctrl-D ends. This conversation: %s\n", chat->conversation_id);
    screen_say(&chat->screen, buf_span(text));
}

/* From a terminal a failure is said, and the next line may be tried; a script ends with it. */
static int converse(struct chat *chat)
{
    bool is_tty = isatty(STDIN_FILENO);
    int status = 0;
    char *line = NULL;
    size_t cap = 0;
    if (is_tty)
        greet(chat);
    while (is_tty || status == 0) {
        if (is_tty)
            (void)fputs("> ", chat->screen.out_is_tty ? stdout : stderr);
        (void)fflush(NULL);
        ssize_t n = getline(&line, &cap, stdin);
        if (n < 0)
            break;
        struct span text = span_trim(span_of(line, (size_t)n));
        if (text.len)
            status = exit_status(ask(chat, text));
        if (chat->screen.is_broken)
            break;
    }
    if (is_tty)
        (void)fputs("\n", chat->screen.out_is_tty ? stdout : stderr);
    free(line);
    return is_tty && !chat->screen.is_broken ? 0 : status;
}

/* -1: go on; else the exit status. */
static int read_arguments(int argc, char **argv, struct arguments *a)
{
    static const struct option options[] = {
        {"server", required_argument, NULL, 's'}, {"conversation", required_argument, NULL, 'v'},
        {"data", required_argument, NULL, 'd'},   {"config", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
    };
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 's': a->server = optarg; break;
        case 'v': a->conversation = optarg; break;
        case 'd': a->data = optarg; break;
        case 'c': a->config = optarg; break;
        default: (void)fputs(usage, c == 'h' ? stdout : stderr); return c == 'h' ? 0 : 2;
        }
    }
    return -1;
}

int cmd_chat(int argc, char **argv)
{
    struct arguments args = {0};
    int status = read_arguments(argc, argv, &args);
    if (status >= 0)
        return status;
    struct chat chat = {0};
    struct err_text why = {0};
    screen_init(&chat.screen);
    status = 1;
    if (control_open(&chat.control, args.data, args.config, &why)) {
        fprintf(stderr, "hob: %s\n", why.text);
        status = 2;
    } else if (prepare(&chat, &args)) {
        status = optind < argc ? ask_once(&chat, argv + optind, argc - optind) : converse(&chat);
    }
    control_close(&chat.control);
    free(chat.server_id);
    free(chat.server_name);
    return status;
}
