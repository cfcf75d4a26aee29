// SPDX-License-Identifier: GPL-2.0
/*
 * The settings of the site, as module parameters.
 *
 * A setter copies the current site, changes the copy and publishes it; if the
 * text is none it says in the kernel log what it expected, and the site stays.
 * Before the module is live the changes gather in a draft.
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "ctl/site.h"
#include "http/extra.h"
#include "http/host.h"
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

/**
 * struct setting - one parameter of the site
 * @offset: of the member of struct sluice_site
 * @take:   take a text into a member; -errno if it does not fit
 * @show:   the member as text, with a newline
 * @settle: does the site make sense with the member's new value; may fill in
 *          what follows from it. NULL: always
 * @expected: for the message to whom it does not
 */
struct setting {
	size_t		offset;
	int		(*take)(void *member, const char *text);
	int		(*show)(char *buf, const void *member);
	bool		(*settle)(struct sluice_site *site);
	const char	*expected;
};

/* --- kinds of members ---------------------------------------------------- */

static int take_string(void *member, const char *text, size_t size)
{
	size_t len = strcspn(text, "\n");

	/* Only at the end: the newline of an echo. */
	if (text[len] && text[len + 1])
		return -EINVAL;
	if (len >= size)
		return -E2BIG;
	memcpy(member, text, len);
	((char *)member)[len] = '\0';
	return len;
}

static int text_take(void *member, const char *text)
{
	struct sluice_text *value = member;
	int len = take_string(value->buf, text, sizeof(value->buf));

	if (len < 0)
		return len;
	value->len = len;
	return 0;
}

static int text_show(char *buf, const void *member)
{
	const struct sluice_text *value = member;

	return sysfs_emit(buf, "%s\n", value->buf);
}

static int words_take(void *member, const char *text)
{
	return sluice_words_parse(member, text);
}

static int words_show(char *buf, const void *member)
{
	const struct sluice_words *words = member;

	return sysfs_emit(buf, "%s\n", words->text);
}

static int toggle_take(void *member, const char *text)
{
	return kstrtobool(text, member);
}

static int toggle_show(char *buf, const void *member)
{
	return sysfs_emit(buf, "%d\n", *(const bool *)member);
}

static int mode_take(void *member, const char *text)
{
	return kstrtouint(text, 8, member);
}

static int mode_show(char *buf, const void *member)
{
	return sysfs_emit(buf, "%04o\n", *(const unsigned int *)member);
}

/* Lines: a newline at the end is that of an echo. */
static int lines_take(void *member, const char *text)
{
	size_t len = strlen(text);

	if (len && text[len - 1] == '\n')
		len--;
	if (len >= SLUICE_TEXT_MAX)
		return -E2BIG;
	memcpy(member, text, len);
	((char *)member)[len] = '\0';
	return 0;
}

static int lines_show(char *buf, const void *member)
{
	return sysfs_emit(buf, "%s\n", (const char *)member);
}

/* --- the current site ---------------------------------------------------- */

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
	text_take(&draft.server, "sluice");
	text_take(&draft.default_host, "default");
	draft.mode_forbidden = 0111;
	draft.hide_dot = true;
	return err;
}

/* What a reader sees. Context: parameter lock. */
static const struct sluice_site *site_of_now(void)
{
	const struct sluice_site *site =
		rcu_dereference_protected(sluice_site_now, true);

	if (site)
		return site;
	draft_make();
	return &draft;
}

static void site_replace(struct sluice_site *site)
{
	sluice_site_publish(site);
	/* Nothing of the old one is found any more: let go of its files. */
	sluice_cache_flush();
}

static int setting_apply(const struct setting *setting, const char *name,
			 const char *text, struct sluice_site *site)
{
	int err = setting->take((char *)site + setting->offset, text);

	if (!err && setting->settle && !setting->settle(site))
		err = -EINVAL;
	if (err)
		pr_err("%s=%.*s: expected %s\n", name,
		       (int)min_t(size_t, strcspn(text, "\n"), 100), text,
		       setting->expected);
	return err ? -EINVAL : 0;
}

/* Something to change: nothing is refused in what is there. */
static struct sluice_site *site_begin(void)
{
	if (draft_make())
		return NULL;
	if (sluice_phase == SLUICE_LIVE)
		return sluice_site_copy(site_of_now());
	return kmemdup(&draft, sizeof(draft), GFP_KERNEL);
}

static int site_end(struct sluice_site *site, int err)
{
	if (sluice_phase == SLUICE_LIVE) {
		if (err)
			sluice_site_put(site);
		else
			site_replace(site);
		return err;
	}
	if (!err)
		draft = *site;
	kfree(site);
	return err;
}

static int setting_set(const char *text, const struct kernel_param *kp)
{
	struct sluice_site *site;

	if (sluice_phase == SLUICE_LEAVING)
		return -ENODEV;
	site = site_begin();
	if (!site)
		return -ENOMEM;
	return site_end(site, setting_apply(kp->arg, kp->name, text, site));
}

static int setting_get(char *buf, const struct kernel_param *kp)
{
	const struct setting *setting = kp->arg;

	return setting->show(buf, (const char *)site_of_now() +
				  setting->offset);
}

static const struct kernel_param_ops setting_ops = {
	.set = setting_set,
	.get = setting_get,
};

#define PARAM_SITE(_name, _kind, _settle, _expected, _desc)			\
	static const struct setting setting_##_name = {			\
		.offset = offsetof(struct sluice_site, _name),		\
		.take = _kind##_take, .show = _kind##_show,		\
		.settle = _settle, .expected = _expected,		\
	};								\
	module_param_cb(_name, &setting_ops, (void *)&setting_##_name, 0644); \
	MODULE_PARM_DESC(_name, _desc)

/* --- docroot ------------------------------------------------------------- */

static int open_docroot(struct sluice_site *site)
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

static int docroot_set(const char *text, const struct kernel_param *kp)
{
	struct sluice_site *site;
	int err;

	if (sluice_phase == SLUICE_LEAVING)
		return -ENODEV;
	site = site_begin();
	if (!site)
		return -ENOMEM;
	err = take_string(site->docroot_name, text, sizeof(site->docroot_name));
	if (err < 0)
		pr_err("docroot=%.100s...: expected a path of less than %zu bytes\n",
		       text, sizeof(site->docroot_name));
	else
		err = sluice_phase == SLUICE_LIVE ? open_docroot(site) : 0;
	return site_end(site, err);
}

static int docroot_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%s\n", site_of_now()->docroot_name);
}

static const struct kernel_param_ops docroot_ops = {
	.set = docroot_set,
	.get = docroot_get,
};

module_param_cb(docroot, &docroot_ops, NULL, 0644);
MODULE_PARM_DESC(docroot, "directory whose files are served");

/* --- which file ---------------------------------------------------------- */

static bool settle_index(struct sluice_site *site)
{
	unsigned int i;

	for (i = 0; i < site->index.count; i++) {
		struct span word = sluice_word(&site->index, i);

		if (word.len > NAME_MAX || memchr(word.ptr, '/', word.len))
			return false;
	}
	return true;
}

PARAM_SITE(index, words, settle_index,
	   "names of files with commas between them, like index.html,index.htm",
	   "files that stand for a directory, in order");

static bool settle_prefix(struct sluice_site *site)
{
	return sluice_routes_are_prefixes(&site->dynamic_prefix);
}

PARAM_SITE(dynamic_prefix, words, settle_prefix,
	   "paths that begin with \"/\", like /cgi-bin/,/api/, 64 at most",
	   "paths that begin so are the backend's");

static bool settle_suffix(struct sluice_site *site)
{
	return sluice_routes_are_suffixes(&site->dynamic_suffix);
}

PARAM_SITE(dynamic_suffix, words, settle_suffix,
	   "suffixes like .php,.cgi, 64 at most",
	   "suffixes of files that are programs, not to be served");

PARAM_SITE(hide_dot, toggle, NULL, "0 or 1",
	   "names that begin with a dot are the backend's");

static bool settle_default_host(struct sluice_site *site)
{
	struct span host = sluice_text_span(&site->default_host);
	u8 folded[SLUICE_NAME_MAX];
	size_t len = http_host_fold(host, folded, sizeof(folded));

	return len && len == host.len && !memcmp(folded, host.ptr, len);
}

PARAM_SITE(vhosts, toggle, NULL, "0 or 1",
	   "each host has a directory of its own below docroot");
PARAM_SITE(default_host, text, settle_default_host,
	   "the name of a directory: a host name in lower case",
	   "directory of the hosts that have none of their own");

static bool settle_mode(struct sluice_site *site)
{
	if ((site->mode_required | site->mode_forbidden) & ~0777)
		return false;
	/* At load both may be said, in either order. */
	return sluice_phase == SLUICE_LOADING ||
	       !(site->mode_required & site->mode_forbidden);
}

#define MODE_EXPECTED \
	"permission bits in octal, from 0 to 777, none of them both required and forbidden"

PARAM_SITE(mode_required, mode, settle_mode, MODE_EXPECTED,
	   "permission bits that a file must have to be served, in octal");
PARAM_SITE(mode_forbidden, mode, settle_mode, MODE_EXPECTED,
	   "permission bits of which a file that is served has none, in octal");

static const char *const symlinks_words[] = {
	[SLUICE_SYMLINKS_BENEATH]	= "beneath",
	[SLUICE_SYMLINKS_NONE]		= "none",
	[SLUICE_SYMLINKS_ANY]		= "any",
};

static int symlinks_take(void *member, const char *text)
{
	int word = sysfs_match_string(symlinks_words, text);

	if (word < 0)
		return word;
	*(enum sluice_symlinks *)member = word;
	return 0;
}

static int symlinks_show(char *buf, const void *member)
{
	return sysfs_emit(buf, "%s\n",
			  symlinks_words[*(const enum sluice_symlinks *)member]);
}

PARAM_SITE(symlinks, symlinks, NULL, "\"beneath\", \"none\" or \"any\"",
	   "which are followed: those that stay beneath docroot, none or any");

static bool settle_precompressed(struct sluice_site *site)
{
	unsigned int i, k;

	if (site->precompressed.count > HTTP_CODING_COUNT)
		return false;
	for (i = 0; i < site->precompressed.count; i++) {
		struct span word = sluice_word(&site->precompressed, i);
		int coding = http_coding_lookup_suffix(word);

		if (coding < 0)
			return false;
		for (k = 0; k < i; k++)
			if (site->coding[k] == coding)
				return false;
		site->coding[i] = coding;
	}
	site->codings = i;
	return true;
}

PARAM_SITE(precompressed, words, settle_precompressed,
	   "some of br,zst,gz, each once, or nothing",
	   "siblings of files that are offered instead, the preferred first");

/* A path that dispatch could have made: absolute, and nothing to normalise. */
static bool settle_page(struct sluice_site *site)
{
	struct span path = sluice_text_span(&site->page_404);
	size_t i;

	if (!path.len)
		return true;
	if (path.ptr[0] != '/' || path.ptr[path.len - 1] == '/')
		return false;
	for (i = 0; i < path.len; i++)
		if (path.ptr[i] == '/' &&
		    (path.ptr[i + 1] == '/' || path.ptr[i + 1] == '.'))
			return false;
	return true;
}

PARAM_SITE(page_404, text, settle_page,
	   "the path of a file below docroot, like /404.html, or nothing",
	   "file that is the body of a 404");

/* --- what is said about it ----------------------------------------------- */

static bool is_value(const struct sluice_text *text)
{
	return !text->len || http_value_ok(sluice_text_span(text));
}

static bool settle_charset(struct sluice_site *site)
{
	return is_value(&site->charset) &&
	       !strpbrk(site->charset.buf, " ;,\"=");
}

static bool settle_cache_control(struct sluice_site *site)
{
	return is_value(&site->cache_control);
}

static bool settle_server(struct sluice_site *site)
{
	/* It stands in error pages too. */
	return is_value(&site->server) && !strpbrk(site->server.buf, "<>&");
}

/* Lines are hard to say in a shell and in modprobe.d: " | " ends one too. */
static bool settle_add_header(struct sluice_site *site)
{
	struct span text = { (const u8 *)site->add_header,
			     strlen(site->add_header) };
	struct http_writer w;
	struct span bad;
	char *bar;

	while ((bar = strstr(site->add_header, " | ")))
		memcpy(bar, "\n  ", 3);
	http_writer_init(&w, site->extra, sizeof(site->extra));
	if (http_extra_render(&w, text, &bad) || !http_writer_ok(&w))
		return false;
	site->extra_len = w.len;
	return true;
}

PARAM_SITE(charset, text, settle_charset,
	   "the name of a character set, like utf-8, or nothing",
	   "said with the types that are text");
PARAM_SITE(cache_control, text, settle_cache_control,
	   "the value of a Cache-Control field, or nothing",
	   "Cache-Control of all files that the table of types says nothing about");
PARAM_SITE(server, text, settle_server,
	   "the value of a Server field, or nothing",
	   "Server field, and foot of error pages");
PARAM_SITE(add_header, lines, settle_add_header,
	   "lines like \"X-Frame-Options: DENY\", none of them a field of ours",
	   "field lines that are added to answers with a file");

/* --- types --------------------------------------------------------------- */

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
	site = sluice_site_copy(site_of_now());
	err = site ? 0 : -ENOMEM;
	if (site) {
		swap(site->types, types);
		site_replace(site);
	}
out:
	kernel_param_unlock(THIS_MODULE);
	if (types)
		sluice_types_put(types);
	return err;
}

/* --- at load ------------------------------------------------------------- */

/* Does the draft make sense. Context: module init, parameter lock. */
int sluice_site_check(void)
{
	int err = draft_make();

	if (err)
		return err;
	if (draft.mode_required & draft.mode_forbidden) {
		pr_err("mode_required=%04o mode_forbidden=%04o: expected " MODE_EXPECTED "\n",
		       draft.mode_required, draft.mode_forbidden);
		return -EINVAL;
	}
	if (draft.docroot_name[0])
		return 0;
	pr_err("docroot is missing; say docroot=/var/www/html or whichever directory is to be served\n");
	return -EINVAL;
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
	site->types = sluice_types_create(builtin, &line);
	err = PTR_ERR_OR_ZERO(site->types);
	if (err)
		site->types = NULL;
	else
		err = open_docroot(site);
	if (err)
		sluice_site_put(site);
	else
		sluice_site_publish(site);
	return err;
}
