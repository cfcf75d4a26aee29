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
struct sluice_store;

struct sluice_object *sluice_cache_get(const struct sluice_site *site,
				       struct span path) __must_check;
void sluice_cache_insert(struct sluice_object *obj);
void sluice_cache_trim(struct sluice_store *store);
void sluice_cache_flush(struct sluice_store *store);

int sluice_cache_init(struct sluice_store *store);
void sluice_cache_exit(struct sluice_store *store);

#endif /* SLUICE_STORE_CACHE_H */
