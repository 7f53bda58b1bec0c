/* hob serve: run the program. */
#ifndef HOB_CLI_CMD_SERVE_H
#define HOB_CLI_CMD_SERVE_H

int cmd_serve(int argc, char **argv);

#endif
