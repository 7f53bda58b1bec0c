/* hob engine-exec -- PROGRAM ARG...: what it does belongs to the engine room. */
#include "cli/cmd_engine_exec.h"

#include "engine/engine.h"

int cmd_engine_exec(int argc, char **argv)
{
    return engine_exec_main(argc, argv);
}
