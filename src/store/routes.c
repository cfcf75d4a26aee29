// SPDX-License-Identifier: GPL-2.0
/*
 * Which paths are the backend's by their name alone.
 */
#include <linux/string.h>

#include "store/routes.h"
#include "store/site.h"

/* ".php", not "php", "." or ".tar.gz": what may follow a last dot. */
bool sluice_routes_are_suffixes(const struct sluice_words *words)
{
	unsigned int i;

	for (i = 0; i < words->count; i++) {
		struct span word = sluice_word(words, i);

		if (word.len < 2 || word.ptr[0] != '.' ||
		    memchr(word.ptr, '/', word.len) ||
		    memchr(word.ptr + 1, '.', word.len - 1))
			return false;
	}
	return true;
}

bool sluice_routes_are_prefixes(const struct sluice_words *words)
{
	unsigned int i;

	for (i = 0; i < words->count; i++)
		if (sluice_word(words, i).ptr[0] != '/')
			return false;
	return true;
}

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

static bool has_suffix(const struct sluice_words *words, struct span path)
{
	struct span suffix = suffix_of(path);
	unsigned int i;

	if (!suffix.len)
		return false;
	for (i = 0; i < words->count; i++)
		if (span_eq_nocase(sluice_word(words, i), suffix))
			return true;
	return false;
}

static bool has_prefix(const struct sluice_words *words, struct span path)
{
	unsigned int i;

	for (i = 0; i < words->count; i++) {
		struct span word = sluice_word(words, i);

		if (path.len >= word.len &&
		    span_eq_nocase((struct span){ path.ptr, word.len }, word))
			return true;
	}
	return false;
}

/**
 * sluice_routes_is_dynamic() - is this path a program of the backend's
 * @site: the current one
 * @path: decoded and normalised
 *
 * Context: any.
 * Return: true if it begins with one of the prefixes, or its last component
 * ends in one of the suffixes, in any case of letters: there are file systems to
 * whom that is all the same.
 */
bool sluice_routes_is_dynamic(const struct sluice_site *site, struct span path)
{
	return has_prefix(&site->dynamic_prefix, path) ||
	       has_suffix(&site->dynamic_suffix, path);
}

/* RFC 8615: at the top, and meant for everybody. */
static bool is_well_known(struct span path)
{
	struct span top = SPAN("/.well-known");

	return path.len >= top.len && !memcmp(path.ptr, top.ptr, top.len) &&
	       (path.len == top.len || path.ptr[top.len] == '/');
}

/* ".htpasswd", ".git/": the backend has the rules about such names. */
bool sluice_routes_is_hidden(const struct sluice_site *site, struct span path)
{
	size_t i;

	if (!site->hide_dot)
		return false;
	for (i = is_well_known(path) ? 2 : 1; i < path.len; i++)
		if (path.ptr[i] == '.' && path.ptr[i - 1] == '/')
			return true;
	return false;
}
