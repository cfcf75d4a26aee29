/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Other names in a file's directory that matter to what is sent: precompressed
 * siblings ("page.html.gz" beside "page.html"), and index files that would come
 * first.
 *
 * What is there and what is not are one fact: a sibling that appears must be
 * noticed like one that goes.  So a name without a file is remembered too, by
 * its negative dentry, whose sequence number moves when a file comes to it.
 */
#ifndef SLUICE_STORE_SIBLINGS_H
#define SLUICE_STORE_SIBLINGS_H

#include "http/negotiate.h"
#include "http/span.h"
#include "store/chain.h"

struct sluice_object;

#define SLUICE_SIBLINGS_MAX 8

/**
 * struct sluice_sibling - one name beside a file's
 * @dentry: counted
 * @link:   what it was when it was looked up
 * @obj:    the file, if it may be sent instead; a reference
 * @coding: of @obj
 * @mtime:  of the file, if there is one that may not be sent
 */
struct sluice_sibling {
	struct dentry		*dentry;
	struct sluice_link	link;
	struct sluice_object	*obj;
	enum http_coding	coding;
	s64			mtime;
};

/**
 * struct sluice_siblings - all that matter to a file
 * @count:   of @sibling
 * @usable:  how many have an object
 * @sibling: the preferred coding first
 */
struct sluice_siblings {
	u8			count;
	u8			usable;
	struct sluice_sibling	sibling[SLUICE_SIBLINGS_MAX];
};

bool sluice_siblings_are_foreign(const struct sluice_siblings *siblings);
bool sluice_siblings_hold(const struct sluice_siblings *siblings);
void sluice_siblings_release(struct sluice_siblings *siblings);
struct sluice_object *
sluice_siblings_choose(const struct sluice_siblings *siblings,
		       struct span accept_encoding);

#endif /* SLUICE_STORE_SIBLINGS_H */
