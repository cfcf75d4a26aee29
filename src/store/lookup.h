/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From a path to an object, with everything that may sleep.
 */
#ifndef SLUICE_STORE_LOOKUP_H
#define SLUICE_STORE_LOOKUP_H

#include "http/span.h"

struct sluice_object;
struct sluice_site;
struct sluice_store;

int sluice_lookup_probe(const struct sluice_site *site, const char **kind);
struct sluice_object *sluice_lookup(struct sluice_store *store, struct span path,
				    size_t host_len, u64 *site_id);

#endif /* SLUICE_STORE_LOOKUP_H */
