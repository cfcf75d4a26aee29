/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What has been made of a sluice.conf since the module was loaded.
 */
#ifndef SLUICECTL_RECORD_H
#define SLUICECTL_RECORD_H

#include <stdbool.h>

#include "conf.h"

void record_write(const struct conf *conf);
void record_read(struct conf *record);
void record_remove(void);

#endif /* SLUICECTL_RECORD_H */
