/* hob key: API keys, through the control socket of the running hob. */
#ifndef HOB_CLI_CMD_KEY_H
#define HOB_CLI_CMD_KEY_H

int cmd_key(int argc, char **argv);

#endif
