/* Sentences for the ends of engines, and hints for what engines are known to print before them. */
#include "engine/engine_hint.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>

void engine_signal_name(int signum, struct buf *out)
{
    const char *name = sigabbrev_np(signum);
    if (name)
        buf_addf(out, "SIG%s", name);
    else
        buf_addf(out, "signal %d", signum);
}

static const char *while_text(enum engine_state during)
{
    switch (during) {
    case ENGINE_STARTING: return " while starting";
    case ENGINE_LOADING: return " while loading";
    case ENGINE_READY: return " while it was running";
    case ENGINE_STOPPING: return " while stopping";
    case ENGINE_STOPPED:
    case ENGINE_FAILED:
    case ENGINE_N_STATES: break;
    }
    return "";
}

static void describe_signal(const struct engine_end *end, enum engine_state during, struct buf *out)
{
    if (end->code == SIGKILL && end->oom == ENGINE_OOM_YES) {
        buf_addf(out, "The engine was killed because memory ran out%s", while_text(during));
    } else if (end->code == SIGKILL) {
        buf_addf(out, "The engine was killed%s%s", while_text(during),
                 end->oom == ENGINE_OOM_MAYBE ? ", possibly because memory ran out" : "");
    } else {
        buf_add_str(out, "The engine was ended by ");
        engine_signal_name(end->code, out);
        buf_add_str(out, while_text(during));
    }
}

void engine_end_describe(const struct engine_end *end, enum engine_state during, struct buf *out)
{
    switch (end->kind) {
    case ENGINE_END_EXIT:
        buf_addf(out, "The engine exited with code %d%s", end->code, while_text(during));
        return;
    case ENGINE_END_SIGNAL: describe_signal(end, during, out); return;
    case ENGINE_END_NO_EXEC:
        buf_addf(out, "The engine could not be started: %.200s: %s", end->text ? end->text : "",
                 end->code == ENOENT ? "command not found" : strerror(end->code));
        return;
    case ENGINE_END_NO_SPAWN:
        buf_addf(out, "The engine could not be started: %.300s", end->text ? end->text : "unknown error");
        return;
    case ENGINE_END_STALLED:
        buf_addf(out, "The engine made no progress for %d s and was ended", end->code);
        return;
    }
}

/* Lower case; the first row that matches any line counts, so the more telling ones stand first. */
static const struct {
    const char *text, *hint;
} known[] = {
#define MEMORY_HINT \
    "Not enough memory: choose a smaller model or quantization, a shorter context, or stop other engines"
#define GPU_HINT \
    "Not enough GPU memory: offload fewer layers (-ngl), choose a smaller model or a shorter context, or stop other engines"
#define PORT_HINT "The port is taken: stop the program that uses it, or let hob choose with ${PORT}"
    {"unknown model architecture",
     "This engine does not know the model's architecture: a newer engine may run it"},
    {"unknown pre-tokenizer", "This engine does not know the model's tokenizer: a newer engine may run it"},
    {"address already in use", PORT_HINT},
    {"couldn't bind", PORT_HINT},
    {"could not bind", PORT_HINT},
    {"cudamalloc failed", GPU_HINT},
    {"cuda out of memory", GPU_HINT},
    {"cuda error: out of memory", GPU_HINT},
    {"hip out of memory", GPU_HINT},
    {"erroroutofdevicememory", GPU_HINT},
    {"no available memory for the cache blocks", GPU_HINT},
    {"failed to open gguf", "The model file cannot be opened: check that it is there and may be read"},
    {"gguf_init_from_file: failed to open",
     "The model file cannot be opened: check that it is there and may be read"},
    {"invalid magic characters", "The file is no GGUF model, or its download is incomplete"},
    {"exceeds remaining file size", "The model file is cut off: download it again"},
    {"not within the file bounds", "The model file is cut off: download it again"},
    {"tensor data is corrupted", "The model file is damaged: download it again"},
    {"failed to allocate", MEMORY_HINT},
    {"unable to allocate", MEMORY_HINT},
    {"cannot allocate memory", MEMORY_HINT},
    {"bad_alloc", MEMORY_HINT},
    {"out of memory", MEMORY_HINT},
    {"failed to mlock", "Memory cannot be locked: raise the limit of locked memory, or leave --mlock out"},
    {"invalid argument:", "The engine does not know one of its options: check the server's options"},
    {"unknown argument", "The engine does not know one of its options: check the server's options"},
    {"unrecognized arguments", "The engine does not know one of its options: check the server's options"},
    {"unrecognized option", "The engine does not know one of its options: check the server's options"},
    {"error while loading shared libraries", "The engine lacks a library: install it again"},
    {"no cuda gpus are available", "The engine found no GPU: check the driver"},
    {"no cuda-capable device", "The engine found no GPU: check the driver"},
    {"modulenotfounderror", "The engine lacks a Python package: install it again"},
    {"401 client error", "The model's download was refused: it may need a token"},
    {"gated repo", "The model's download was refused: it may need a token"},
    {"no space left on device", "The disk is full"},
    {"no such file or directory", "A file is not there: check the model's path and the server's options"},
    {"permission denied", "A file may not be read: check its permissions"},
};

static bool contains_lower(const char *text, const char *needle)
{
    size_t n = strlen(needle);
    for (; *text; text++) {
        size_t i = 0;
        while (i < n && text[i] && tolower((unsigned char)text[i]) == needle[i])
            i++;
        if (i == n)
            return true;
    }
    return false;
}

const char *engine_hint(const struct engine_end *end, const struct strv *lines)
{
    if (end->kind == ENGINE_END_NO_EXEC)
        return end->code == ENOENT ? "Check the command: it is not there, and not on hob's PATH"
                                   : "Check that the command is a program that hob may run";
    for (size_t k = 0; k < COUNT_OF(known); k++) {
        for (size_t i = 0; i < lines->n; i++) {
            if (contains_lower(lines->v[i], known[k].text))
                return known[k].hint;
        }
    }
    if (end->kind == ENGINE_END_SIGNAL && end->code == SIGKILL && end->oom != ENGINE_OOM_NO)
        return MEMORY_HINT;
    if (end->kind == ENGINE_END_SIGNAL && end->code == SIGILL)
        return "The engine was built for another processor: install one for this machine";
    return NULL;
}
