/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The settings of the site.
 */
#ifndef SLUICE_CTL_SITE_H
#define SLUICE_CTL_SITE_H

#include "http/span.h"

/*
 * The files in sysfs are there before init and after exit, so setters must know.
 * Under the parameter lock, as is all that they set.
 */
enum sluice_phase {
	SLUICE_LOADING,		/* a setter only remembers */
	SLUICE_LIVE,		/* it acts */
	SLUICE_LEAVING,		/* there is nothing to act on any more: -ENODEV */
};

extern enum sluice_phase sluice_phase;
extern unsigned int sluice_run_as;

int sluice_site_check(void);
int sluice_site_open(void);
int sluice_site_set_types(struct span text);

#endif /* SLUICE_CTL_SITE_H */
