/* hob config check: says what is wrong in a configuration file. */
#ifndef HOB_CMD_CONFIG_H
#define HOB_CMD_CONFIG_H

int cmd_config(int argc, char **argv);

#endif
