// SPDX-License-Identifier: GPL-2.0
/*
 * How the current site is changed.
 *
 * Whoever changes it copies it, changes the copy, and publishes that.  While the instance
 * is not live the changes gather in a draft.  All under the lock of the instance.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "ctl/instance.h"
#include "ctl/site.h"
#include "http/mime.h"
#include "http/negotiate.h"
#include "http/parse.h"
#include "store/cache.h"
#include "store/docroot.h"
#include "store/lookup.h"
#include "store/routes.h"
#include "store/site.h"
#include "store/types.h"

static void text_set(struct sluice_text *text, const char *from)
{
	text->len = strscpy(text->buf, from, sizeof(text->buf));
}

static int draft_make(struct sluice_instance *instance)
{
	struct sluice_site *draft = &instance->draft;
	int err;

	if (instance->draft_is_made)
		return 0;
	instance->draft_is_made = true;
	err = sluice_words_parse(&draft->index, "index.html");
	if (!err)
		err = sluice_words_parse(&draft->dynamic_suffix,
					 SLUICE_DYNAMIC_SUFFIX_DEFAULT);
	if (!err)
		err = sluice_words_parse(&draft->precompressed, "br,zst,gz");
	if (!err)
		err = sluice_words_parse(&draft->gzip_types, "text/html");
	draft->gzip_min_length = 256;
	draft->gzip_comp_level = 6;
	draft->codings = HTTP_CODING_COUNT;
	draft->coding[0] = HTTP_CODING_BR;
	draft->coding[1] = HTTP_CODING_ZSTD;
	draft->coding[2] = HTTP_CODING_GZIP;
	text_set(&draft->server, "sluice");
	text_set(&draft->default_host, "default");
	draft->mode_forbidden = 0111;
	draft->hide_dot = true;
	draft->returns = true;
	draft->take_back = true;
	draft->htaccess = true;
	draft->backend_files = true;
	draft->max_head_size = HTTP_HEAD_MAX;
	return err;
}

static const struct sluice_site *site_of_now(const struct sluice_instance *instance)
{
	return rcu_dereference_protected(instance->store.site, true);
}

/* What a reader of a setting sees. Context: lock of the instance. */
const struct sluice_site *sluice_site_shown(struct sluice_instance *instance)
{
	const struct sluice_site *site = site_of_now(instance);

	if (site)
		return site;
	draft_make(instance);
	return &instance->draft;
}

static void site_replace(struct sluice_store *store, struct sluice_site *site, bool moves)
{
	if (moves)
		sluice_site_renew(site);
	sluice_site_publish(store, site);
	/* Nothing of the old one is found any more: let go of its files. */
	if (moves)
		sluice_cache_flush(store);
}

/**
 * sluice_site_begin() - a copy to change
 * @instance: whose
 * @moves: what is found under it may be something else afterwards
 *
 * On the way out, as long as there is somebody who goes by the rest of it, that can be
 * changed still.
 * Context: process, lock of the instance.
 * Return: for sluice_site_end(); ERR_PTR(-ENODEV) on the way out, or ERR_PTR(-ENOMEM).
 */
struct sluice_site *sluice_site_begin(struct sluice_instance *instance, bool moves)
{
	const struct sluice_site *now = site_of_now(instance);
	struct sluice_site *site;

	if (READ_ONCE(instance->phase) == SLUICE_LEAVING && (moves || !now))
		return ERR_PTR(-ENODEV);
	if (draft_make(instance))
		return ERR_PTR(-ENOMEM);
	if (now)
		site = sluice_site_copy(now);
	else
		site = kmemdup(&instance->draft, sizeof(instance->draft), GFP_KERNEL);
	return site ?: ERR_PTR(-ENOMEM);
}

/**
 * sluice_site_end() - it is changed
 * @instance: whose
 * @site:  from sluice_site_begin()
 * @moves: as there
 * @err:   0, or it is to stay as it was
 *
 * Context: process, lock of the instance.
 * Return: @err
 */
int sluice_site_end(struct sluice_instance *instance, struct sluice_site *site,
		    bool moves, int err)
{
	if (!site_of_now(instance)) {
		if (!err)
			instance->draft = *site;
		kfree(site);
	} else if (err) {
		sluice_site_put(site);
	} else {
		site_replace(&instance->store, site, moves);
	}
	return err;
}

/**
 * sluice_site_check_fit() - can anything of docroot be served
 * @instance: whose
 * @site: with a docroot
 *
 * If not, somebody else has to: there is no sense in being alone.
 * Context: process, lock of the instance.
 * Return: 0, with a line in the kernel log if nothing can; or -EOPNOTSUPP, with another.
 */
int sluice_site_check_fit(const struct sluice_instance *instance, const struct sluice_site *site)
{
	const char *kind = sluice_docroot_unfit(site->docroot);

	if (!kind)
		return 0;
	if (site->standalone) {
		instance_err(instance, "docroot=%s: is on %s, of which no file can be served, and standalone=1: expected a local file system, or a backend\n",
			     site->docroot_name, kind);
		return -EOPNOTSUPP;
	}
	instance_warn(instance, "docroot=%s: is on %s, of which no file can be served: all is the backend's\n",
		      site->docroot_name, kind);
	return 0;
}

/* What will keep its files from being served, for who wonders later; that is known to be fit. */
static void say_docroot(const struct sluice_instance *instance, const struct sluice_site *site)
{
	const char *name = site->docroot_name;
	const char *fs;

	switch (sluice_lookup_probe(site, &fs)) {
	case 0:
		instance_info(instance, "docroot=%s: on %s\n", name, fs);
		break;
	case -EKEYREJECTED:
		instance_warn(instance, "docroot=%s: a security module, as SELinux or AppArmor, does not let it be searched: its files are the backend's\n",
			      name);
		break;
	case -EACCES:
		instance_warn(instance, "docroot=%s: user %u may not search it; chmod o+x, or choose another run_as\n",
			      name, instance->run_as);
		break;
	default:	/* said already */
		break;
	}
}

/**
 * sluice_site_open_docroot() - open the directory that a site names
 * @instance: whose
 * @site: not published yet
 *
 * Context: process, lock of the instance.
 * Return: 0 or -errno, with a line in the kernel log.
 */
int sluice_site_open_docroot(const struct sluice_instance *instance, struct sluice_site *site)
{
	const char *name = site->docroot_name;
	struct sluice_docroot *root = sluice_docroot_open(name, instance->run_as,
							  site->docroot_pin);
	int err = PTR_ERR_OR_ZERO(root);

	switch (err) {
	case 0:
		if (site->docroot)
			sluice_docroot_put(site->docroot);
		site->docroot = root;
		err = sluice_site_check_fit(instance, site);
		if (!err)
			say_docroot(instance, site);
		return err;
	case -EPERM:
		instance_err(instance, "docroot=%s: refused, it would serve the whole system; name a directory that holds only what may be served\n",
			     name);
		break;
	case -EINVAL:
		instance_err(instance, "run_as=%u: expected the number of a user\n",
			     instance->run_as);
		break;
	default:
		instance_err(instance, "docroot=%s: cannot be opened (%pe); expected a directory that exists\n",
			     name, ERR_PTR(err));
	}
	return err;
}

/**
 * sluice_site_set_types() - replace the table of types
 * @instance: whose
 * @text: its lines
 *
 * Context: process, without the lock of the instance.
 * Return: 0; -EINVAL, with a line in the kernel log; -ENOMEM; -ENODEV on the way
 * in and out.
 */
int sluice_site_set_types(struct sluice_instance *instance, struct span text)
{
	struct sluice_types *types;
	struct sluice_site *site;
	unsigned int line = 0;
	int err = -ENODEV;

	types = sluice_types_create(text, &line);
	if (types == ERR_PTR(-E2BIG))
		instance_err(instance, "types: expected at most %d bytes\n",
			     SLUICE_TYPES_TEXT_MAX);
	else if (types == ERR_PTR(-EINVAL))
		instance_err(instance, "types: line %u: expected \"TYPE [expires=SECONDS] EXTENSION...\", each extension once\n",
			     line);
	if (IS_ERR(types))
		return PTR_ERR(types);

	mutex_lock(&instance->lock);
	if (READ_ONCE(instance->phase) != SLUICE_LIVE)
		goto out;
	site = sluice_site_begin(instance, true);
	err = PTR_ERR_OR_ZERO(site);
	if (!err) {
		swap(site->types, types);
		sluice_site_end(instance, site, true, 0);
	}
out:
	mutex_unlock(&instance->lock);
	if (types)
		sluice_types_put(types);
	return err;
}

/**
 * sluice_site_open() - make the draft the current site
 * @instance: whose
 *
 * Context: process, lock of the instance.
 * Return: 0 or -errno, with a line in the kernel log.
 */
int sluice_site_open(struct sluice_instance *instance)
{
	struct span builtin = { (const u8 *)http_types_builtin,
				strlen(http_types_builtin) };
	struct sluice_site *site = sluice_site_copy(&instance->draft);
	unsigned int line;
	int err;

	if (!site)
		return -ENOMEM;
	sluice_site_renew(site);
	site->store = &instance->store;
	site->types = sluice_types_create(builtin, &line);
	err = PTR_ERR_OR_ZERO(site->types);
	if (err)
		site->types = NULL;
	else
		err = sluice_site_open_docroot(instance, site);
	if (err)
		sluice_site_put(site);
	else
		sluice_site_publish(&instance->store, site);
	return err;
}

/* What was set meanwhile is the draft of the next time. Context: process, lock of the instance. */
void sluice_site_close(struct sluice_instance *instance)
{
	instance->draft = *site_of_now(instance);
	instance->draft.docroot = NULL;
	instance->draft.types = NULL;
	sluice_site_publish(&instance->store, NULL);
}
