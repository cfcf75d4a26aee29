/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernel said about sluice meanwhile.
 */
#ifndef SLUICECTL_KMSG_H
#define SLUICECTL_KMSG_H

#include <stdbool.h>

#include "text.h"

int kmsg_open(void);
void kmsg_take(int fd, struct text *said);
bool kmsg_repeat(const struct text *said);
void kmsg_close(int fd);

#endif /* SLUICECTL_KMSG_H */
