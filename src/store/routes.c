// SPDX-License-Identifier: GPL-2.0
/*
 * Which paths are the backend's by their name alone.
 *
 * A script below the docroot is a program for the backend; served as a file it
 * would show its source, passwords included.  So the list has a default.
 *
 * The list is replaced whole and read under RCU.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "store/routes.h"

#define SUFFIXES_MAX 64

/**
 * struct suffixes - a list of file name suffixes
 * @rcu:    for freeing
 * @count:  of @suffix
 * @suffix: with their dots, in @text
 * @text:   as it was set
 */
struct suffixes {
	struct rcu_head	rcu;
	unsigned int	count;
	struct span	suffix[SUFFIXES_MAX];
	char		text[];
};

static struct suffixes __rcu *dynamic;
static DEFINE_MUTEX(dynamic_mutex);	/* serialises those who replace it */

/* What follows the last dot of the last component, with the dot. */
static struct span suffix_of(struct span path)
{
	const u8 *end = path.ptr + path.len;
	const u8 *p;

	for (p = end; p > path.ptr && p[-1] != '/'; p--)
		if (p[-1] == '.')
			return span_make(p - 1, end);
	return span_make(end, end);
}

/**
 * sluice_routes_is_dynamic() - is this path the backend's
 * @path: decoded and normalised
 *
 * Context: any.
 * Return: true if the last component ends in one of the suffixes, in any case
 * of letters.
 */
bool sluice_routes_is_dynamic(struct span path)
{
	struct span suffix = suffix_of(path);
	const struct suffixes *list;
	bool found = false;
	unsigned int i;

	if (!suffix.len)
		return false;

	rcu_read_lock();
	list = rcu_dereference(dynamic);
	for (i = 0; list && i < list->count && !found; i++)
		found = span_eq_nocase(list->suffix[i], suffix);
	rcu_read_unlock();
	return found;
}

static int parse_suffixes(struct suffixes *list)
{
	struct span rest = { (const u8 *)list->text, strlen(list->text) };
	struct span item;

	if (!rest.len)
		return 0;	/* none at all */
	while (span_next_item(&rest, &item)) {
		if (list->count == SUFFIXES_MAX)
			return -E2BIG;
		if (item.len < 2 || item.ptr[0] != '.' ||
		    memchr(item.ptr, '/', item.len) ||
		    memchr(item.ptr + 1, '.', item.len - 1))
			return -EINVAL;
		list->suffix[list->count++] = item;
	}
	return 0;
}

/**
 * sluice_routes_set_dynamic() - replace the list
 * @text: suffixes with their dots, commas between them; "" for none
 *
 * Context: process.
 * Return: 0; -EINVAL or -E2BIG and the old list stays; -ENOMEM.
 */
int sluice_routes_set_dynamic(const char *text)
{
	size_t len = strcspn(text, "\n");
	struct suffixes *list, *old;
	int err;

	list = kzalloc(sizeof(*list) + len + 1, GFP_KERNEL);
	if (!list)
		return -ENOMEM;
	memcpy(list->text, text, len);
	err = parse_suffixes(list);
	if (err) {
		kfree(list);
		return err;
	}

	mutex_lock(&dynamic_mutex);
	old = rcu_replace_pointer(dynamic, list,
				  lockdep_is_held(&dynamic_mutex));
	mutex_unlock(&dynamic_mutex);
	if (old)
		kfree_rcu(old, rcu);
	return 0;
}

/* As it was set. Context: any. */
int sluice_routes_show_dynamic(char *buf, size_t size)
{
	const struct suffixes *list;
	int len;

	rcu_read_lock();
	list = rcu_dereference(dynamic);
	len = scnprintf(buf, size, "%s\n", list ? list->text : "");
	rcu_read_unlock();
	return len;
}

/* Nobody asks any more. */
void sluice_routes_exit(void)
{
	kfree(rcu_dereference_protected(dynamic, true));
	RCU_INIT_POINTER(dynamic, NULL);
}
