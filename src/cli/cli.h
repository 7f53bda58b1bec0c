/* cli: the commands of the program, one cmd_<name>.c each. */
#ifndef HOB_CLI_H
#define HOB_CLI_H

/* Runs the command that argv names; returns the exit status (2: wrong usage). */
int cli_main(int argc, char **argv);

#endif
