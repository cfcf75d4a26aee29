/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The current site, for those who change it.
 */
#ifndef SLUICE_CTL_SITE_H
#define SLUICE_CTL_SITE_H

#include <linux/types.h>

#include "http/span.h"

struct sluice_site;

/*
 * The files in sysfs are there before init and after exit, so setters must know.
 * Under the parameter lock, as is all that they set.
 */
enum sluice_phase {
	SLUICE_LOADING,		/* a setter only remembers */
	SLUICE_LIVE,		/* it acts */
	SLUICE_LEAVING,		/* nothing moves any more: -ENODEV */
};

extern enum sluice_phase sluice_phase;
extern unsigned int sluice_run_as;

const struct sluice_site *sluice_site_shown(void);
struct sluice_site *sluice_site_begin(bool moves);
int sluice_site_end(struct sluice_site *site, bool moves, int err);

int sluice_site_open_docroot(struct sluice_site *site);
int sluice_site_open(void);
int sluice_site_set_types(struct span text);

#endif /* SLUICE_CTL_SITE_H */
