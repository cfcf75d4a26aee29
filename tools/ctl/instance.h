/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Instances of the module, as files say and as there are.
 */
#ifndef SLUICECTL_INSTANCE_H
#define SLUICECTL_INSTANCE_H

#include <stdbool.h>

#include "conf.h"

bool instances_offered(void);
bool instances_possible(const struct conf *conf);
bool instance_exists(const char *name);
bool instance_is_live(const char *name);
bool instance_begin(const struct conf *conf, const char *name);
bool instance_end(const char *name);
bool instance_try(const struct conf *conf, const char *section);

#endif /* SLUICECTL_INSTANCE_H */
