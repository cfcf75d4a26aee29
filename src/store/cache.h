/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The object cache: path to open file, or to there being none; readable from
 * softirq.
 */
#ifndef SLUICE_STORE_CACHE_H
#define SLUICE_STORE_CACHE_H

#include "http/span.h"

struct sluice_object;
struct sluice_site;

struct sluice_object *sluice_cache_get(const struct sluice_site *site,
				       struct span path) __must_check;
void sluice_cache_insert(struct sluice_object *obj);
void sluice_cache_trim(void);
void sluice_cache_flush(void);

int sluice_cache_init(void);
void sluice_cache_exit(void);

/* Tunables, see ctl/settings.c. */
extern unsigned int sluice_cache_entries;
extern unsigned int sluice_cache_bytes;
extern unsigned int sluice_cache_idle;

#endif /* SLUICE_STORE_CACHE_H */
