/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The table of media types, replaced whole.
 */
#ifndef SLUICE_STORE_TYPES_H
#define SLUICE_STORE_TYPES_H

#include <linux/refcount.h>

#include "http/mime.h"

/* Bytes of a table as text: ten times nginx's. */
#define SLUICE_TYPES_TEXT_MAX	65536

/**
 * struct sluice_types - a table
 * @ref:   each site that has it has one
 * @count: of @list
 * @list:  sorted by extension; the spans are in @text
 * @bytes: of @text
 * @text:  as it was set
 */
struct sluice_types {
	refcount_t		ref;
	size_t			count;
	struct http_type	*list;
	u8			*bytes;
	struct span		text;
};

struct sluice_types *sluice_types_create(struct span text, unsigned int *line);
void sluice_types_put(struct sluice_types *types);

static inline void sluice_types_hold(struct sluice_types *types)
{
	refcount_inc(&types->ref);
}

#endif /* SLUICE_STORE_TYPES_H */
