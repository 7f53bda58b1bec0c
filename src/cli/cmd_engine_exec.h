/* hob engine-exec: runs one engine under its watch. Started by hob itself, not by people. */
#ifndef HOB_CLI_CMD_ENGINE_EXEC_H
#define HOB_CLI_CMD_ENGINE_EXEC_H

int cmd_engine_exec(int argc, char **argv);

#endif
