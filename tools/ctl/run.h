/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Other programs: modprobe, rmmod, modinfo.
 */
#ifndef SLUICECTL_RUN_H
#define SLUICECTL_RUN_H

#include <sys/types.h>

#include "text.h"

pid_t run_start(char *const *words, int out);
int run_ended(pid_t pid, double seconds);
int run_output(char *const *words, size_t max, struct text *text);
int run_wait(char *const *words);
double now(void);
void rest(double seconds);

#endif /* SLUICECTL_RUN_H */
