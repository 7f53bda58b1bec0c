/* hob import: makes a configuration file of another program's. */
#ifndef HOB_CMD_IMPORT_H
#define HOB_CMD_IMPORT_H

int cmd_import(int argc, char **argv);

#endif
