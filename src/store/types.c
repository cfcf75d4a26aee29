// SPDX-License-Identifier: GPL-2.0
/*
 * The table of media types: where it lives.  What it says is http/mime.c's.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "store/types.h"

/**
 * sluice_types_create() - make a table of its text
 * @text: copied
 * @line: which one is wrong, if one is
 *
 * Context: process.
 * Return: a table with one reference, or ERR_PTR: -EINVAL or -E2BIG for a text
 * that is none, -ENOMEM.
 */
struct sluice_types *sluice_types_create(struct span text, unsigned int *line)
{
	struct sluice_types *types;
	int count;

	if (text.len > SLUICE_TYPES_TEXT_MAX)
		return ERR_PTR(-E2BIG);
	count = http_types_parse(text, NULL, 0, line);
	if (count < 0)
		return ERR_PTR(count);

	types = kzalloc(sizeof(*types), GFP_KERNEL);
	if (!types)
		return ERR_PTR(-ENOMEM);
	refcount_set(&types->ref, 1);
	types->bytes = kvmalloc(text.len + 1, GFP_KERNEL);
	types->list = kvcalloc(count + 1, sizeof(*types->list), GFP_KERNEL);
	if (!types->bytes || !types->list) {
		sluice_types_put(types);
		return ERR_PTR(-ENOMEM);
	}
	memcpy(types->bytes, text.ptr, text.len);
	types->text = (struct span){ types->bytes, text.len };
	/* An extension that is listed twice shows only now. */
	count = http_types_parse(types->text, types->list, count, line);
	if (count < 0) {
		sluice_types_put(types);
		return ERR_PTR(count);
	}
	types->count = count;
	return types;
}

/* Context: process. */
void sluice_types_put(struct sluice_types *types)
{
	if (!refcount_dec_and_test(&types->ref))
		return;
	kvfree(types->list);
	kvfree(types->bytes);
	kfree(types);
}
