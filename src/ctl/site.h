/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The settings of the site.
 */
#ifndef SLUICE_CTL_SITE_H
#define SLUICE_CTL_SITE_H

#include "http/span.h"

int sluice_site_check(void);
int sluice_site_open(void);
int sluice_site_set_types(struct span text);

#endif /* SLUICE_CTL_SITE_H */
