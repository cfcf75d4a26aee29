// SPDX-License-Identifier: GPL-2.0
/*
 * The current site, and how it is replaced.
 */
#include <linux/errno.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "store/docroot.h"
#include "store/site.h"
#include "store/types.h"

static atomic64_t last_id = ATOMIC64_INIT(0);

/**
 * sluice_site_copy() - a site to be changed, and then published or put
 * @site: to copy
 *
 * Context: process.
 * Return: a site with one reference, or NULL.
 */
struct sluice_site *sluice_site_copy(const struct sluice_site *site)
{
	struct sluice_site *copy = kmemdup(site, sizeof(*site), GFP_KERNEL);

	if (!copy)
		return NULL;
	refcount_set(&copy->ref, 1);
	if (copy->docroot)
		sluice_docroot_hold(copy->docroot);
	if (copy->types)
		sluice_types_hold(copy->types);
	return copy;
}

/* What was remembered under the site that it is a copy of does not hold for @site. */
void sluice_site_renew(struct sluice_site *site)
{
	site->id = atomic64_inc_return(&last_id);
}

/* Context: process; the last one may sleep. */
void sluice_site_put(struct sluice_site *site)
{
	if (!refcount_dec_and_test(&site->ref))
		return;
	/* Those who only peek look at neither. */
	if (site->docroot)
		sluice_docroot_put(site->docroot);
	if (site->types)
		sluice_types_put(site->types);
	kfree_rcu(site, rcu);
}

/**
 * sluice_site_publish() - make @site the current one
 * @store: of its instance
 * @site: its reference moves here; NULL on the way out
 *
 * What was remembered under another id is not found any more.
 * Context: process, callers serialised by the lock of the instance.
 */
void sluice_site_publish(struct sluice_store *store, struct sluice_site *site)
{
	struct sluice_site *old;

	old = rcu_replace_pointer(store->site, site, true);
	if (old)
		sluice_site_put(old);
}

/* Return: the current site, counted; NULL on the way out. Context: any. */
struct sluice_site *sluice_site_get(struct sluice_store *store)
{
	struct sluice_site *site;

	rcu_read_lock();
	do {
		site = rcu_dereference(store->site);
	} while (site && !refcount_inc_not_zero(&site->ref));
	rcu_read_unlock();
	return site;
}

/**
 * sluice_words_parse() - take a list of words
 * @words: filled in
 * @text:  words with commas between them, or "" for none
 *
 * Return: 0; -E2BIG for too many or too much; -EINVAL for an empty word.
 */
int sluice_words_parse(struct sluice_words *words, const char *text)
{
	size_t len = strcspn(text, "\n");
	struct span rest, item;

	/* Only at the end: the newline of an echo. */
	if (text[len] && text[len + 1])
		return -EINVAL;
	if (len >= sizeof(words->text))
		return -E2BIG;
	memcpy(words->text, text, len);
	words->text[len] = '\0';
	words->count = 0;
	if (!len)
		return 0;

	rest = (struct span){ (const u8 *)words->text, len };
	while (span_next_item(&rest, &item)) {
		if (!item.len)
			return -EINVAL;
		if (words->count == SLUICE_WORDS_MAX)
			return -E2BIG;
		words->word[words->count].off =
			item.ptr - (const u8 *)words->text;
		words->word[words->count++].len = item.len;
	}
	return 0;
}
