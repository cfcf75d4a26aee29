// SPDX-License-Identifier: GPL-2.0
/*
 * All settings in one table, of which the module parameters are made, at load and under
 * /sys/module/sluice/parameters; these are the loader's instance.  The files of each other
 * (ctl/face.c) are made of it, too.
 *
 * Setters run under the lock of the instance, in the context of the writer.
 * They take effect at once, or refuse and say in the kernel log what was wrong,
 * what was expected, what to do; then all stays as it is.  Each setting is described in
 * Documentation/parameters.rst.
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/string.h>

#include "base/lane.h"
#include "base/pass_through.h"
#include "ctl/instance.h"
#include "ctl/kind.h"
#include "ctl/settings.h"
#include "ctl/site.h"
#include "http/extra.h"
#include "http/host.h"
#include "sock/sock.h"
#include "store/cache.h"
#include "store/docroot.h"
#include "store/routes.h"
#include "store/site.h"
#include "store/zip.h"

/* --- reading and writing -------------------------------------------------- */

static int site_set(struct sluice_instance *instance, const struct setting *setting,
		    const char *text)
{
	struct sluice_site *site = sluice_site_begin(instance, setting->moves);
	int err;

	if (IS_ERR(site))
		return PTR_ERR(site);
	err = setting_apply(instance, setting, text, (char *)site + setting->offset);
	if (!err && setting->settle && !setting->settle(site)) {
		setting_refuse(instance, setting, text);
		err = -EINVAL;
	}
	if (!err && setting->check && READ_ONCE(instance->phase) != SLUICE_LOADING)
		err = setting->check(instance, site);
	return sluice_site_end(instance, site, setting->moves, err);
}

/* Of what is not the site's. */
static void *value_of(struct sluice_instance *instance, const struct setting *setting)
{
	return setting->of == OF_INSTANCE ? (char *)instance + setting->offset : setting->value;
}

static int value_set(struct sluice_instance *instance, const struct setting *setting,
		     const char *text)
{
	int err;

	if (setting->fixed && READ_ONCE(instance->phase) != SLUICE_LOADING) {
		instance_err(instance, "%s: cannot be changed while it serves\n", setting->name);
		return -EBUSY;
	}
	err = setting_apply(instance, setting, text, value_of(instance, setting));
	if (!err && setting->changed && READ_ONCE(instance->phase) == SLUICE_LIVE)
		setting->changed(&instance->store);
	return err;
}

/**
 * sluice_setting_set() - change a setting
 * @instance: whose
 * @setting:  which
 * @text:     as it was written
 *
 * Context: process, that of the writer.
 * Return: 0; -errno, with a line in the kernel log unless it is -ENOMEM or -ENODEV.
 */
int sluice_setting_set(struct sluice_instance *instance, const struct setting *setting,
		       const char *text)
{
	int err;

	mutex_lock(&instance->lock);
	if (setting->of == OF_SITE)
		err = site_set(instance, setting, text);
	else
		err = value_set(instance, setting, text);
	mutex_unlock(&instance->lock);
	return err;
}

/**
 * sluice_setting_show() - read a setting
 * @instance: whose
 * @setting:  which
 * @buf:      a page
 *
 * Context: process.
 * Return: bytes, or -EPERM if it has no value.
 */
int sluice_setting_show(struct sluice_instance *instance, const struct setting *setting,
			char *buf)
{
	const void *value;
	int len;

	if (!setting->kind->show)
		return -EPERM;
	mutex_lock(&instance->lock);
	if (setting->of == OF_SITE)
		value = (const char *)sluice_site_shown(instance) + setting->offset;
	else
		value = value_of(instance, setting);
	len = setting->kind->show(setting, buf, value);
	mutex_unlock(&instance->lock);
	return len;
}

static int param_set(const char *text, const struct kernel_param *kp)
{
	return sluice_setting_set(&sluice_loaders, kp->arg, text);
}

static int param_get(char *buf, const struct kernel_param *kp)
{
	return sluice_setting_show(&sluice_loaders, kp->arg, buf);
}

static const struct kernel_param_ops param_ops = {
	.set = param_set,
	.get = param_get,
};

/**
 * sluice_setting_at() - all settings, by number
 * @i: from 0 on
 *
 * The table is that of the module's parameters.
 * Return: NULL behind the last.
 */
const struct setting *sluice_setting_at(unsigned int i)
{
	return i < THIS_MODULE->num_kp ? THIS_MODULE->kp[i].arg : NULL;
}

/* Of the site: of each request, or also of what is found and what is said of it. */
#define EACH(_member)							\
	.of = OF_SITE, .offset = offsetof(struct sluice_site, _member),	\
	.size = sizeof_field(struct sluice_site, _member)
#define MOVES(_member)		EACH(_member), .moves = true
/* Of the instance besides. */
#define IN(_member)							\
	.of = OF_INSTANCE, .offset = offsetof(struct sluice_instance, _member), \
	.size = sizeof_field(struct sluice_instance, _member)
#define FIXED(_member)		IN(_member), .fixed = true
/* Of all instances together. */
#define AT(_variable)							\
	.of = OF_MODULE, .value = &(_variable), .size = sizeof(_variable)

#define SETTING(_name, _mode, _description, ...)				\
	static const struct setting setting_for_##_name = {			\
		.name = #_name, .mode = _mode, __VA_ARGS__			\
	};									\
	module_param_cb(_name, &param_ops, (void *)&setting_for_##_name, _mode); \
	MODULE_PARM_DESC(_name, _description)

/* --- the backend ---------------------------------------------------------- */

/* Its ports are all that there is to say of where: the server says the rest. */
static int check_attach(const struct sluice_instance *instance, struct sluice_site *site)
{
	if (!instance->attach.count)
		return 0;
	if (site->backend_port) {
		instance_err(instance, "backend_port=%u: with attach the server is who listens on that port; say one of them\n",
			     site->backend_port);
		return -EINVAL;
	}
	if (site->standalone) {
		instance_err(instance, "standalone=1: with attach there is a server, who gets the rest; say port=%u instead of attach if there is none\n",
			     instance->attach.port[0]);
		return -EINVAL;
	}
	if (instance->port != SLUICE_PORT_DEFAULT || instance->defer_accept ||
	    strcmp(instance->address, SLUICE_ADDRESS_DEFAULT)) {
		instance_err(instance, "port, address, defer_accept: with attach they are the server's; set them there\n");
		return -EINVAL;
	}
	return 0;
}

static int check_backend_port(const struct sluice_instance *instance,
			      struct sluice_site *site)
{
	if (instance->attach.count)
		return check_attach(instance, site);
	if (site->backend_port == instance->port) {
		instance_err(instance, "backend_port=%u: that is sluice's own port; expected the port of the backend\n",
			     site->backend_port);
		return -EINVAL;
	}
	if (!site->backend_port && !site->standalone) {
		instance_err(instance, "backend_port is missing; say attach=80 if the server listens on the port that clients use, or name the port of one that does not, or say standalone=1\n");
		return -EINVAL;
	}
	return 0;
}

static int check_standalone(const struct sluice_instance *instance, struct sluice_site *site)
{
	if (instance->attach.count)
		return check_attach(instance, site);
	if (site->standalone)
		return sluice_site_check_fit(instance, site);
	if (site->backend_port)
		return 0;
	instance_err(instance, "standalone=0: there is no backend; set backend_port first\n");
	return -EINVAL;
}

/* --- which file ----------------------------------------------------------- */

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

static bool settle_prefix(struct sluice_site *site)
{
	return sluice_routes_are_prefixes(&site->dynamic_prefix);
}

static bool settle_suffix(struct sluice_site *site)
{
	return sluice_routes_are_suffixes(&site->dynamic_suffix);
}

static bool settle_default_host(struct sluice_site *site)
{
	struct span host = sluice_text_span(&site->default_host);
	u8 folded[SLUICE_NAME_MAX];
	size_t len = http_host_fold(host, folded, sizeof(folded));

	return len && len == host.len && !memcmp(folded, host.ptr, len);
}

static bool settle_mode(struct sluice_site *site)
{
	return !((site->mode_required | site->mode_forbidden) & ~0777);
}

#define MODE_EXPECTED \
	"permission bits in octal, from 0 to 777, none of them both required and forbidden"

static int check_modes(const struct sluice_instance *instance, struct sluice_site *site)
{
	if (!(site->mode_required & site->mode_forbidden))
		return 0;
	instance_err(instance,
		     "mode_required=%04o mode_forbidden=%04o: expected " MODE_EXPECTED "\n",
		     site->mode_required, site->mode_forbidden);
	return -EINVAL;
}

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

static int check_gzip(const struct sluice_instance *instance, struct sluice_site *site)
{
	if (!site->gzip || sluice_zip_is_built_in())
		return 0;
	instance_err(instance, "gzip=1: expected a kernel that has zlib's deflate built in (CONFIG_ZLIB_DEFLATE=y); say gzip=0, or put .gz files beside the files\n");
	return -EINVAL;
}

static bool settle_gzip_types(struct sluice_site *site)
{
	unsigned int i;

	for (i = 0; i < site->gzip_types.count; i++) {
		struct span word = sluice_word(&site->gzip_types, i);

		if (!span_eq(word, SPAN("*")) && !memchr(word.ptr, '/', word.len))
			return false;
	}
	return true;
}

/* A path that a request could have led to: absolute, and nothing to normalise. */
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

/* --- what is said about it ------------------------------------------------ */

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

/* --- how much ------------------------------------------------------------- */

/* Also of a directory that docroot does not lead to any more. */
static void drop_cache(struct sluice_store *store)
{
	struct sluice_site *site = sluice_site_get(store);

	if (site) {
		sluice_docroot_settle(site->docroot);
		sluice_site_put(site);
	}
	sluice_cache_flush(store);
}

/* --- all of them ---------------------------------------------------------- */

/* where */
SETTING(attach, 0444,
	"ports of the server's own, comma-separated, whose connections are looked at first",
	FIXED(attach), PORTS);
SETTING(port, 0444, "port to listen on",
	FIXED(port), NUMBER(1, 65535));
SETTING(address, 0444, "addresses to listen on, comma-separated",
	FIXED(address), ADDRESS);
SETTING(defer_accept, 0444,
	"seconds to wait for data before a connection counts (TCP_DEFER_ACCEPT), 0: do not",
	FIXED(defer_accept), NUMBER(0, 255));

/* the backend */
SETTING(backend_port, 0644,
	"port of the backend, which gets all that sluice does not serve",
	EACH(backend_port), NUMBER(0, 65535), .check = check_backend_port);
SETTING(backend_uid, 0644,
	"user who must have opened the backend's listener, or \"any\"",
	EACH(backend_uid), UID("the user who starts the backend"));
SETTING(standalone, 0644, "there is no backend: answer everything",
	EACH(standalone), TOGGLE, .check = check_standalone);
SETTING(backend_files, 0644,
	"the backend has the files, too; 0: files are served whatever else a request says",
	EACH(backend_files), TOGGLE);
SETTING(return, 0644,
	"a connection comes back when the backend has answered all that it was given",
	EACH(returns), TOGGLE);
SETTING(take_back, 0644,
	"with return=1: keep idle connections that the backend closes",
	EACH(take_back), TOGGLE);
SETTING(say_why, 0644,
	"the kernel log has a line for the first request of each kind that is not served",
	IN(conns.say_why), TOGGLE);
SETTING(pass_through, 0644,
	"the backend gets all connections; set by itself when an invariant is broken",
	AT(sluice_pass_through), TOGGLE);

/* requests */
SETTING(strict, 0644,
	"answer malformed requests instead of handing them over",
	EACH(strict), TOGGLE);
SETTING(lenient, 0644, "a bare LF ends a line of a request",
	EACH(lenient), TOGGLE);
SETTING(proxy_protocol, 0644,
	"connections that begin with a PROXY header are the backend's",
	EACH(proxy_protocol), TOGGLE);
SETTING(query, 0644,
	"requests with a query: \"serve\" files all the same, or \"handover\"",
	EACH(query_handover), CHOICE("serve", "handover"));
SETTING(authorization, 0644,
	"requests with credentials: \"handover\", or \"serve\" files all the same",
	EACH(authorization_serve), CHOICE("handover", "serve"));
SETTING(options, 0644,
	"OPTIONS: \"handover\", or \"answer\" with the methods that files have",
	EACH(options_self), CHOICE("handover", "answer"));
SETTING(if_modified_since, 0644,
	"304 for a file not newer than the date: \"before\", or of that very date: \"exact\"",
	EACH(since_exact), CHOICE("before", "exact"));
SETTING(bad_range, 0644,
	"ranges that are none: \"ignore\", or answer \"416\"",
	EACH(bad_range_refuse), CHOICE("ignore", "416"));
static_assert(SLUICE_LANE_HEAD == 16384);
SETTING(max_head_size, 0644, "bytes of a request head",
	EACH(max_head_size), NUMBER(512, 16384));

/* which file */
SETTING(docroot, 0644, "directory whose files are served",
	MOVES(docroot_name), PATH, .check = sluice_site_open_docroot);
SETTING(docroot_pin, 0644,
	"serve the directory that docroot is now, wherever its name leads later",
	MOVES(docroot_pin), TOGGLE, .check = sluice_site_open_docroot);
SETTING(run_as, 0444, "uid and gid that files are opened with",
	FIXED(run_as), NUMBER(0, 2147483647));
SETTING(index, 0644, "files that stand for a directory, in order",
	MOVES(index), .settle = settle_index,
	WORDS("names of files with commas between them, like index.html,index.htm"));
SETTING(dynamic_prefix, 0644, "paths that begin so are the backend's",
	MOVES(dynamic_prefix), .settle = settle_prefix,
	WORDS("paths that begin with \"/\", like /cgi-bin/,/api/, 64 at most"));
SETTING(dynamic_suffix, 0644,
	"suffixes of files that are programs, not to be served",
	MOVES(dynamic_suffix), .settle = settle_suffix,
	WORDS("suffixes like .php,.cgi, 64 at most"));
SETTING(hide_dot, 0644, "names that begin with a dot are the backend's",
	MOVES(hide_dot), TOGGLE);
SETTING(htaccess, 0644,
	"what is below a directory with a .htaccess is the backend's",
	MOVES(htaccess), TOGGLE);
SETTING(vhosts, 0644, "each host has a directory of its own below docroot",
	MOVES(vhosts), TOGGLE);
SETTING(default_host, 0644,
	"directory of the hosts that have none of their own",
	MOVES(default_host), .settle = settle_default_host,
	TEXT("the name of a directory: a host name in lower case"));
SETTING(mode_required, 0644,
	"permission bits that a file must have to be served, in octal",
	MOVES(mode_required), MODE(MODE_EXPECTED), .settle = settle_mode,
	.check = check_modes);
SETTING(mode_forbidden, 0644,
	"permission bits of which a file that is served has none, in octal",
	MOVES(mode_forbidden), MODE(MODE_EXPECTED), .settle = settle_mode,
	.check = check_modes);
SETTING(symlinks, 0644,
	"which are followed: those that stay beneath docroot, none or any",
	MOVES(symlinks), SYMLINKS);
SETTING(precompressed, 0644,
	"siblings of files that are offered instead, the preferred first",
	MOVES(precompressed), .settle = settle_precompressed,
	WORDS("some of br,zst,gz, each once, or nothing"));
SETTING(gzip, 0644,
	"files are compressed for clients that accept it, once",
	MOVES(gzip), TOGGLE, .check = check_gzip);
SETTING(gzip_types, 0644, "types of files that are compressed",
	MOVES(gzip_types), .settle = settle_gzip_types,
	WORDS("types like text/html,text/css, or *"));
SETTING(gzip_min_length, 0644, "bytes that a file has at least to be compressed",
	MOVES(gzip_min_length), NUMBER(1, 1048576));
SETTING(gzip_comp_level, 0644, "how hard zlib tries",
	MOVES(gzip_comp_level), NUMBER(1, 9));
SETTING(gzip_unready, 0644,
	"till a file is compressed the \"plain\" one is sent, or the \"backend\" is asked",
	EACH(gzip_unready), CHOICE("plain", "backend"));
SETTING(page_404, 0644, "file that is the body of a 404",
	MOVES(page_404), .settle = settle_page,
	TEXT("the path of a file below docroot, like /404.html, or nothing"));

/* what is said about it */
SETTING(charset, 0644, "said with the types that are text",
	MOVES(charset), .settle = settle_charset,
	TEXT("the name of a character set, like utf-8, or nothing"));
SETTING(cache_control, 0644,
	"Cache-Control of all files that the table of types says nothing about",
	MOVES(cache_control), .settle = settle_cache_control,
	TEXT("the value of a Cache-Control field, or nothing"));
SETTING(server, 0644, "Server field, and foot of error pages",
	MOVES(server), .settle = settle_server,
	TEXT("the value of a Server field, or nothing"));
SETTING(add_header, 0644,
	"field lines that are added to answers with a file",
	MOVES(add_header), .settle = settle_add_header,
	LINES("lines like \"X-Frame-Options: DENY\", none of them a field of ours"));

/* how much, and for how long */
SETTING(max_connections, 0644,
	"connections at a time; more go to the backend, or are refused",
	IN(conns.max_connections), NUMBER(1, 10000000));
SETTING(max_per_client, 0644,
	"of them for an IPv4 address or an IPv6 /64; more are reset; 0: no limit",
	IN(conns.clients.max_per_client), NUMBER(0, 10000000));
SETTING(header_timeout, 0644,
	"seconds in which a request head must be complete",
	IN(conns.header_timeout), NUMBER(1, 3600));
SETTING(keepalive_timeout, 0644, "seconds that an idle connection is kept",
	IN(conns.keepalive_timeout), NUMBER(1, 3600));
SETTING(send_timeout, 0644,
	"seconds without progress after which a response is aborted",
	IN(conns.send_timeout), NUMBER(1, 3600));
SETTING(linger_timeout, 0644,
	"seconds that a client has to read an error and close",
	IN(conns.linger_timeout), NUMBER(1, 3600));
SETTING(unload_timeout, 0644,
	"seconds that responses under way have to end when the module is unloaded",
	IN(conns.unload_timeout), NUMBER(0, 3600));
SETTING(direct, 0644,
	"serve where data arrive, in the socket's callback, instead of in a work item",
	AT(sluice_direct), TOGGLE);
SETTING(cpu_share, 0644,
	"percent of each processor's time that sluice may take",
	AT(sluice_cpu_share), NUMBER(5, 100));
SETTING(cache_entries, 0644, "files that are kept open",
	IN(store.cache_entries), NUMBER(1, 1048576),
	.changed = sluice_cache_trim);
SETTING(cache_bytes, 0644,
	"bytes of kernel memory for them, besides what the files are",
	IN(store.cache_bytes), NUMBER(65536, 2147483647),
	.changed = sluice_cache_trim);
SETTING(cache_idle, 0644,
	"seconds that a file is kept open without a request",
	IN(store.cache_idle), NUMBER(1, 86400));
SETTING(gzip_memory, 0644, "bytes of memory for what was compressed",
	IN(store.gzip_memory), NUMBER(0, 2147483647));
SETTING(cache_drop, 0200,
	"write 1 to close all files that are kept open",
	.of = OF_NOBODY, TRIGGER("1, to drop the cache"),
	.changed = drop_cache);

/**
 * sluice_settings_check() - do those that were made before it is live make sense
 * @instance: not live
 *
 * Context: process, lock of the instance.
 * Return: 0, or -EINVAL with a line in the kernel log.
 */
int sluice_settings_check(struct sluice_instance *instance)
{
	struct sluice_site *site = sluice_site_begin(instance, false);
	int err;

	if (IS_ERR(site))
		return PTR_ERR(site);
	err = check_modes(instance, site) ?: check_gzip(instance, site);
	if (!err && !site->docroot_name[0]) {
		instance_err(instance, "docroot is missing; say docroot=/var/www/html or whichever directory is to be served\n");
		err = -EINVAL;
	}
	if (!err)
		err = check_backend_port(instance, site);
	return sluice_site_end(instance, site, false, err);
}
