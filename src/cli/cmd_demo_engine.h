/* hob demo-engine: the demo engine alone, with the faults that tests ask for. */
#ifndef HOB_CLI_CMD_DEMO_ENGINE_H
#define HOB_CLI_CMD_DEMO_ENGINE_H

int cmd_demo_engine(int argc, char **argv);

#endif
