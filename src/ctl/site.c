// SPDX-License-Identifier: GPL-2.0
/*
 * How the current site is changed.
 *
 * Whoever changes it copies it, changes the copy, and publishes that.  Before the module
 * is live the changes gather in a draft.
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "ctl/site.h"
#include "http/mime.h"
#include "http/negotiate.h"
#include "http/parse.h"
#include "store/cache.h"
#include "store/docroot.h"
#include "store/routes.h"
#include "store/site.h"
#include "store/types.h"

enum sluice_phase sluice_phase;
unsigned int sluice_run_as = 65534;	/* nobody */

/* Static, because a module that fails to load calls nobody to free anything. */
static struct sluice_site draft;
static bool draft_is_made;

static void text_set(struct sluice_text *text, const char *from)
{
	text->len = strscpy(text->buf, from, sizeof(text->buf));
}

static int draft_make(void)
{
	int err;

	if (draft_is_made)
		return 0;
	draft_is_made = true;
	err = sluice_words_parse(&draft.index, "index.html");
	if (!err)
		err = sluice_words_parse(&draft.dynamic_suffix,
					 SLUICE_DYNAMIC_SUFFIX_DEFAULT);
	if (!err)
		err = sluice_words_parse(&draft.precompressed, "br,zst,gz");
	draft.codings = HTTP_CODING_COUNT;
	draft.coding[0] = HTTP_CODING_BR;
	draft.coding[1] = HTTP_CODING_ZSTD;
	draft.coding[2] = HTTP_CODING_GZIP;
	text_set(&draft.server, "sluice");
	text_set(&draft.default_host, "default");
	draft.mode_forbidden = 0111;
	draft.hide_dot = true;
	draft.max_head_size = HTTP_HEAD_MAX;
	return err;
}

static const struct sluice_site *site_of_now(void)
{
	return rcu_dereference_protected(sluice_site_now, true);
}

/* What a reader of a setting sees. Context: parameter lock. */
const struct sluice_site *sluice_site_shown(void)
{
	const struct sluice_site *site = site_of_now();

	if (site)
		return site;
	draft_make();
	return &draft;
}

static void site_replace(struct sluice_site *site, bool moves)
{
	if (moves)
		sluice_site_renew(site);
	sluice_site_publish(site);
	/* Nothing of the old one is found any more: let go of its files. */
	if (moves)
		sluice_cache_flush();
}

/**
 * sluice_site_begin() - a copy to change
 * @moves: what is found under it may be something else afterwards
 *
 * On the way out, as long as there is somebody who goes by the rest of it, that can be
 * changed still.
 * Context: process, parameter lock.
 * Return: for sluice_site_end(); ERR_PTR(-ENODEV) on the way out, or ERR_PTR(-ENOMEM).
 */
struct sluice_site *sluice_site_begin(bool moves)
{
	struct sluice_site *site;

	if (sluice_phase == SLUICE_LEAVING && (moves || !site_of_now()))
		return ERR_PTR(-ENODEV);
	if (draft_make())
		return ERR_PTR(-ENOMEM);
	if (sluice_phase == SLUICE_LOADING)
		site = kmemdup(&draft, sizeof(draft), GFP_KERNEL);
	else
		site = sluice_site_copy(site_of_now());
	return site ?: ERR_PTR(-ENOMEM);
}

/**
 * sluice_site_end() - it is changed
 * @site:  from sluice_site_begin()
 * @moves: as there
 * @err:   0, or it is to stay as it was
 *
 * Context: process, parameter lock.
 * Return: @err
 */
int sluice_site_end(struct sluice_site *site, bool moves, int err)
{
	if (sluice_phase == SLUICE_LOADING) {
		if (!err)
			draft = *site;
		kfree(site);
	} else if (err) {
		sluice_site_put(site);
	} else {
		site_replace(site, moves);
	}
	return err;
}

/**
 * sluice_site_open_docroot() - open the directory that a site names
 * @site: not published yet
 *
 * Context: process, parameter lock.
 * Return: 0 or -errno, with a line in the kernel log.
 */
int sluice_site_open_docroot(struct sluice_site *site)
{
	const char *name = site->docroot_name;
	struct sluice_docroot *root = sluice_docroot_open(name, sluice_run_as);
	int err = PTR_ERR_OR_ZERO(root);

	switch (err) {
	case 0:
		if (site->docroot)
			sluice_docroot_put(site->docroot);
		site->docroot = root;
		return 0;
	case -EPERM:
		pr_err("docroot=%s: refused, it would serve the whole system; name a directory that holds only what may be served\n",
		       name);
		break;
	case -EINVAL:
		pr_err("run_as=%u: expected the number of a user\n",
		       sluice_run_as);
		break;
	default:
		pr_err("docroot=%s: cannot be opened (%pe); expected a directory that exists\n",
		       name, ERR_PTR(err));
	}
	return err;
}

/**
 * sluice_site_set_types() - replace the table of types
 * @text: its lines
 *
 * Context: process, without the parameter lock.
 * Return: 0; -EINVAL, with a line in the kernel log; -ENOMEM; -ENODEV on the way
 * in and out.
 */
int sluice_site_set_types(struct span text)
{
	struct sluice_types *types;
	struct sluice_site *site;
	unsigned int line = 0;
	int err = -ENODEV;

	types = sluice_types_create(text, &line);
	if (types == ERR_PTR(-E2BIG))
		pr_err("types: expected at most %d bytes\n",
		       SLUICE_TYPES_TEXT_MAX);
	else if (types == ERR_PTR(-EINVAL))
		pr_err("types: line %u: expected \"TYPE [expires=SECONDS] EXTENSION...\", each extension once\n",
		       line);
	if (IS_ERR(types))
		return PTR_ERR(types);

	kernel_param_lock(THIS_MODULE);
	if (sluice_phase != SLUICE_LIVE)
		goto out;
	site = sluice_site_begin(true);
	err = PTR_ERR_OR_ZERO(site);
	if (!err) {
		swap(site->types, types);
		sluice_site_end(site, true, 0);
	}
out:
	kernel_param_unlock(THIS_MODULE);
	if (types)
		sluice_types_put(types);
	return err;
}

/**
 * sluice_site_open() - make the draft the current site
 *
 * Context: module init, parameter lock.
 * Return: 0 or -errno, with a line in the kernel log.
 */
int sluice_site_open(void)
{
	struct span builtin = { (const u8 *)http_types_builtin,
				strlen(http_types_builtin) };
	struct sluice_site *site = sluice_site_copy(&draft);
	unsigned int line;
	int err;

	if (!site)
		return -ENOMEM;
	sluice_site_renew(site);
	site->types = sluice_types_create(builtin, &line);
	err = PTR_ERR_OR_ZERO(site->types);
	if (err)
		site->types = NULL;
	else
		err = sluice_site_open_docroot(site);
	if (err)
		sluice_site_put(site);
	else
		sluice_site_publish(site);
	return err;
}
