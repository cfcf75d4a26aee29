/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The current site, for those who change it.
 */
#ifndef SLUICE_CTL_SITE_H
#define SLUICE_CTL_SITE_H

#include <linux/types.h>

#include "http/span.h"

struct sluice_instance;
struct sluice_site;

const struct sluice_site *sluice_site_shown(struct sluice_instance *instance);
struct sluice_site *sluice_site_begin(struct sluice_instance *instance, bool moves);
int sluice_site_end(struct sluice_instance *instance, struct sluice_site *site,
		    bool moves, int err);

int sluice_site_check_fit(const struct sluice_instance *instance,
			  const struct sluice_site *site);
int sluice_site_open_docroot(const struct sluice_instance *instance, struct sluice_site *site);
int sluice_site_open(struct sluice_instance *instance);
void sluice_site_close(struct sluice_instance *instance);
int sluice_site_set_types(struct sluice_instance *instance, struct span text);

#endif /* SLUICE_CTL_SITE_H */
