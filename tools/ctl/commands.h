/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What sluicectl does: each with the words behind its name.
 */
#ifndef SLUICECTL_COMMANDS_H
#define SLUICECTL_COMMANDS_H

#include "say.h"

enum status cmd_status(int count, char **words);
enum status cmd_get(int count, char **words);
enum status cmd_set(int count, char **words);
enum status cmd_check(int count, char **words);
enum status cmd_reload(int count, char **words);
enum status cmd_load(int count, char **words);
enum status cmd_unload(int count, char **words);
enum status cmd_metrics(int count, char **words);
enum status cmd_top(int count, char **words);
enum status cmd_doctor(int count, char **words);

#endif /* SLUICECTL_COMMANDS_H */
