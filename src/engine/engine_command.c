/* Builds an engine's command line and environment. The environment is built from empty: nothing of hob's leaks. */
#include "engine/engine_command.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* By name; a '*' at the end stands for any rest. Others are given per server. */
static const char *const passed_on[] = {
    "PATH",        "HOME",        "USER",    "LOGNAME",      "LANG",
    "LC_*",        "TZ",          "TMPDIR",  "XDG_*",        "LD_LIBRARY_PATH",
    "CUDA_*",      "NVIDIA_*",    "HIP_*",   "ROCR_*",       "HSA_*",
    "GGML_*",      "LLAMA_CACHE", "OMP_*",   "VK_*",         "ONEAPI_*",
    "SYCL_*",      "ZE_*",        "HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE",
    "VLLM_*",      "SGLANG_*",    "TORCH_*", "PYTORCH_*",    "NCCL_*",
    "VIRTUAL_ENV",
};

#define DEFAULT_PATH "PATH=/usr/local/bin:/usr/bin:/bin"

static bool is_passed_on(struct span name)
{
    for (size_t i = 0; i < COUNT_OF(passed_on); i++) {
        size_t n = strlen(passed_on[i]);
        if (passed_on[i][n - 1] == '*' ? name.len >= n - 1 && memcmp(name.p, passed_on[i], n - 1) == 0
                                       : span_is(name, passed_on[i]))
            return true;
    }
    return false;
}

/* Later ones win over earlier ones of the same name. */
static void set_env(struct strv *env, const char *pair)
{
    struct span rest, name = span_cut(span_str(pair), '=', &rest);
    if (!rest.p || name.len == 0)
        return;
    for (size_t i = 0; i < env->n; i++) {
        if (strncmp(env->v[i], pair, name.len + 1) == 0) {
            xreplace(&env->v[i], pair);
            return;
        }
    }
    strv_add(env, pair);
}

void engine_command_add_env(char *const *own_env, struct strv *env)
{
    set_env(env, DEFAULT_PATH);
    for (; own_env && *own_env; own_env++) {
        struct span rest;
        if (is_passed_on(span_cut(span_str(*own_env), '=', &rest)))
            set_env(env, *own_env);
    }
}

static void build_env(const struct engine_spec *spec, char *const *own_env, struct strv *env)
{
    engine_command_add_env(own_env, env);
    /* asks llama-server to tell of its load on stdout; the number only says "there is a router" */
    if (spec->protocol == ENGINE_LLAMA)
        set_env(env, "LLAMA_SERVER_ROUTER_PORT=1");
    for (size_t i = 0; i < spec->env.n; i++)
        set_env(env, spec->env.v[i]);
}

static bool is_any_of(const char *text, const char *const *options, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq(text, options[i]))
            return true;
    }
    return false;
}

static bool has_option(const struct strv *argv, const char *const *options, size_t n)
{
    for (size_t i = 1; i < argv->n; i++) {
        if (is_any_of(argv->v[i], options, n))
            return true;
    }
    return false;
}

static bool has_placeholder(const struct strv *argv, const char *placeholder)
{
    for (size_t i = 0; i < argv->n; i++) {
        if (strstr(argv->v[i], placeholder))
            return true;
    }
    return false;
}

bool engine_command_wants_port(const struct engine_spec *spec)
{
    return has_placeholder(&spec->argv, "${PORT}") && !has_placeholder(&spec->argv, "${SOCKET}");
}

static void add_expanded(struct strv *argv, const char *text, const char *socket_path, int port)
{
    struct buf out = {0};
    while (*text) {
        if (socket_path && strncmp(text, "${SOCKET}", 9) == 0) {
            buf_add_str(&out, socket_path);
            text += 9;
        } else if (port && strncmp(text, "${PORT}", 7) == 0) {
            buf_addf(&out, "%d", port);
            text += 7;
        } else {
            buf_add_char(&out, *text++);
        }
    }
    strv_add(argv, buf_str(&out));
    buf_release(&out);
}

/* hob's own options come last: the last one of a kind wins, so no option of a server makes it listen elsewhere. */
static void add_llama_options(const struct engine_spec *spec, struct engine_command *c, bool is_placed)
{
    static const char *const model[] = {"-m",   "--model",   "-mu", "--model-url",  "-hf",
                                        "-hfr", "--hf-repo", "-dr", "--docker-repo"};
    static const char *const alias[] = {"-a", "--alias"};
    if (spec->model_path && !has_option(&spec->argv, model, COUNT_OF(model))) {
        strv_add(&c->argv, "--model");
        strv_add(&c->argv, spec->model_path);
    }
    /* Else its answers name the model by where its file is, which is nothing for who has a key only. */
    if (spec->model_path && spec->name && !has_option(&spec->argv, alias, COUNT_OF(alias))) {
        strv_add(&c->argv, "--alias");
        strv_add(&c->argv, spec->name);
    }
    if (spec->slots > 0) {
        strv_add(&c->argv, "--parallel");
        strv_addf(&c->argv, "%d", spec->slots);
    }
    if (!is_placed) {
        strv_add(&c->argv, "--host");
        strv_add(&c->argv, c->socket_path);
    }
}

enum err engine_command_build(const struct engine_spec *spec, const char *run_dir, int port,
                              char *const *own_env, struct engine_command *out_command, struct err_text *why)
{
    if (spec->argv.n == 0 || !spec->argv.v[0][0])
        return err_set(why, ERR_INVALID, "the command is empty");
    bool wants_port = engine_command_wants_port(spec);
    bool is_placed = wants_port || has_placeholder(&spec->argv, "${SOCKET}");
    if (spec->protocol == ENGINE_GENERIC && !is_placed)
        return err_set(why, ERR_INVALID,
                       "the command has neither ${SOCKET} nor ${PORT}: hob would not know where it listens");
    if (wants_port && port <= 0)
        return err_set(why, ERR_IO, "no free port");

    struct engine_command c = {.port = wants_port ? port : 0};
    if (!wants_port) {
        c.socket_path = xasprintf("%s/%s.sock", run_dir, spec->id);
        if (strlen(c.socket_path) >= sizeof((struct sockaddr_un *)0)->sun_path) {
            engine_command_release(&c);
            return err_set(why, ERR_INVALID, "the path of the engine's socket is too long: %.200s", run_dir);
        }
    }
    for (size_t i = 0; i < spec->argv.n; i++)
        add_expanded(&c.argv, spec->argv.v[i], c.socket_path, c.port);
    if (spec->protocol == ENGINE_LLAMA)
        add_llama_options(spec, &c, is_placed);
    build_env(spec, own_env, &c.env);
    *out_command = c;
    return ERR_OK;
}

void engine_command_release(struct engine_command *c)
{
    strv_release(&c->argv);
    strv_release(&c->env);
    free(c->socket_path);
    *c = (struct engine_command){0};
}

int engine_command_free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int port = 0;
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        getsockname(fd, (struct sockaddr *)&address, &len) == 0)
        port = ntohs(address.sin_port);
    if (fd >= 0)
        (void)close(fd);
    return port;
}
