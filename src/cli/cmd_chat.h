/* hob chat: questions and answers in the terminal. */
#ifndef HOB_CLI_CMD_CHAT_H
#define HOB_CLI_CMD_CHAT_H

int cmd_chat(int argc, char **argv);

#endif
