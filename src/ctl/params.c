// SPDX-License-Identifier: GPL-2.0
/*
 * Module parameters, at load and under /sys/module/sluice/parameters.
 *
 * Setters run under the kernel's parameter lock, in the context of the writer.
 * They take effect at once, or refuse and say in the kernel log what was wrong,
 * what was expected, what to do.  Each is described in
 * Documentation/parameters.rst.
 */
#include <linux/ctype.h>
#include <linux/inet.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/net_namespace.h>

#include "base/lane.h"
#include "base/pass_through.h"
#include "conn/client.h"
#include "conn/conn.h"
#include "conn/lent.h"
#include "conn/ladder.h"
#include "conn/listener.h"
#include "ctl/params.h"
#include "ctl/site.h"
#include "reply/decide.h"
#include "loan/handoff.h"
#include "sock/sock.h"
#include "store/cache.h"
#include "store/site.h"

/* Fixed at load. */
static unsigned int port = 80;
static unsigned int defer_accept;
#define ADDRESS_DEFAULT "0.0.0.0"
/* Static, because a module that fails to load calls nobody to free anything. */
static char address[SLUICE_LISTENERS_MAX * (INET6_ADDRSTRLEN + 1)] = ADDRESS_DEFAULT;

/* --- numbers ------------------------------------------------------------- */

struct number {
	unsigned int	*value;
	unsigned int	min;
	unsigned int	max;
	int		(*check)(unsigned int value);
	void		(*changed)(void);
};

static int number_set(const char *text, const struct kernel_param *kp)
{
	const struct number *number = kp->arg;
	unsigned int value;
	int err;

	if (kstrtouint(text, 0, &value) ||
	    value < number->min || value > number->max) {
		pr_err("%s=%s: expected a number from %u to %u\n", kp->name,
		       text, number->min, number->max);
		return -EINVAL;
	}
	if (sluice_phase == SLUICE_LIVE && number->check) {
		err = number->check(value);
		if (err)
			return err;
	}
	WRITE_ONCE(*number->value, value);
	if (sluice_phase == SLUICE_LIVE && number->changed)
		number->changed();
	return 0;
}

static int number_get(char *buf, const struct kernel_param *kp)
{
	const struct number *number = kp->arg;

	return sysfs_emit(buf, "%u\n", *number->value);
}

static const struct kernel_param_ops number_ops = {
	.set = number_set,
	.get = number_get,
};

#define PARAM_NUMBER(_name, _value, _min, _max, _check, _mode, _desc)		\
	static const struct number number_##_name = {			\
		.value = &(_value), .min = _min, .max = _max,		\
		.check = _check,					\
	};								\
	module_param_cb(_name, &number_ops, (void *)&number_##_name, _mode); \
	MODULE_PARM_DESC(_name, _desc)

/* A bound that may be above what there is: @_changed sees to it at once. */
#define PARAM_BOUND(_name, _value, _min, _max, _changed, _desc)			\
	static const struct number number_##_name = {			\
		.value = &(_value), .min = _min, .max = _max,		\
		.changed = _changed,					\
	};								\
	module_param_cb(_name, &number_ops, (void *)&number_##_name, 0644); \
	MODULE_PARM_DESC(_name, _desc)

/* --- yes or no ----------------------------------------------------------- */

struct toggle {
	bool	*value;
	int	(*check)(bool value);
};

static int toggle_set(const char *text, const struct kernel_param *kp)
{
	const struct toggle *toggle = kp->arg;
	bool value;
	int err;

	if (kstrtobool(text, &value)) {
		pr_err("%s=%s: expected 0 or 1\n", kp->name, text);
		return -EINVAL;
	}
	if (sluice_phase == SLUICE_LIVE && toggle->check) {
		err = toggle->check(value);
		if (err)
			return err;
	}
	WRITE_ONCE(*toggle->value, value);
	return 0;
}

static int toggle_get(char *buf, const struct kernel_param *kp)
{
	const struct toggle *toggle = kp->arg;

	return sysfs_emit(buf, "%d\n", *toggle->value);
}

static const struct kernel_param_ops toggle_ops = {
	.set = toggle_set,
	.get = toggle_get,
};

#define PARAM_TOGGLE(_name, _value, _check, _mode, _desc)			\
	static const struct toggle toggle_##_name = {			\
		.value = &(_value), .check = _check,			\
	};								\
	module_param_cb(_name, &toggle_ops, (void *)&toggle_##_name, _mode); \
	MODULE_PARM_DESC(_name, _desc)

/* --- one of two words ---------------------------------------------------- */

struct choice {
	bool		*value;
	const char	*word[2];	/* for false, for true */
};

static int choice_set(const char *text, const struct kernel_param *kp)
{
	const struct choice *choice = kp->arg;
	int i;

	for (i = 0; i < 2; i++) {
		if (sysfs_streq(text, choice->word[i])) {
			WRITE_ONCE(*choice->value, i);
			return 0;
		}
	}
	pr_err("%s=%s: expected \"%s\" or \"%s\"\n", kp->name, text,
	       choice->word[0], choice->word[1]);
	return -EINVAL;
}

static int choice_get(char *buf, const struct kernel_param *kp)
{
	const struct choice *choice = kp->arg;

	return sysfs_emit(buf, "%s\n", choice->word[*choice->value]);
}

static const struct kernel_param_ops choice_ops = {
	.set = choice_set,
	.get = choice_get,
};

#define PARAM_CHOICE(_name, _value, _no, _yes, _desc)				\
	static const struct choice choice_##_name = {			\
		.value = &(_value), .word = { _no, _yes },		\
	};								\
	module_param_cb(_name, &choice_ops, (void *)&choice_##_name, 0644); \
	MODULE_PARM_DESC(_name, _desc)

/* --- address and port ---------------------------------------------------- */

static int address_set(const char *text, const struct kernel_param *kp)
{
	size_t len = strcspn(text, "\n");

	if (len >= sizeof(address)) {
		pr_err("address: more than %d; listen on 0.0.0.0 or ::\n",
		       SLUICE_LISTENERS_MAX);
		return -E2BIG;
	}
	memcpy(address, text, len);
	address[len] = '\0';
	if (!len)
		strscpy(address, ADDRESS_DEFAULT, sizeof(address));
	return 0;
}

static int address_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%s\n", address);
}

static const struct kernel_param_ops address_ops = {
	.set = address_set,
	.get = address_get,
};

PARAM_NUMBER(port, port, 1, 65535, NULL, 0444, "port to listen on");
module_param_cb(address, &address_ops, NULL, 0444);
MODULE_PARM_DESC(address, "addresses to listen on, comma-separated");

static int check_backend_port(unsigned int value)
{
	if (value == port) {
		pr_err("backend_port=%u: that is sluice's own port; expected the port of the backend\n",
		       value);
		return -EINVAL;
	}
	if (!value && !sluice_standalone) {
		pr_err("backend_port is missing; name the port of the backend, or say standalone=1\n");
		return -EINVAL;
	}
	return 0;
}

PARAM_NUMBER(backend_port, sluice_backend_port, 0, 65535, check_backend_port, 0644,
	     "port of the backend, which gets all that sluice does not serve");
static int backend_uid_set(const char *text, const struct kernel_param *kp)
{
	unsigned int uid;

	if (sysfs_streq(text, "any")) {
		WRITE_ONCE(sluice_backend_uid, SLUICE_ANY_UID);
		return 0;
	}
	if (kstrtouint(text, 0, &uid) || uid > INT_MAX) {
		pr_err("backend_uid=%s: expected the number of the user who starts the backend, or \"any\"\n",
		       text);
		return -EINVAL;
	}
	WRITE_ONCE(sluice_backend_uid, uid);
	return 0;
}

static int backend_uid_get(char *buf, const struct kernel_param *kp)
{
	if (sluice_backend_uid == SLUICE_ANY_UID)
		return sysfs_emit(buf, "any\n");
	return sysfs_emit(buf, "%u\n", sluice_backend_uid);
}

static const struct kernel_param_ops backend_uid_ops = {
	.set = backend_uid_set,
	.get = backend_uid_get,
};

module_param_cb(backend_uid, &backend_uid_ops, NULL, 0644);
MODULE_PARM_DESC(backend_uid, "user who must have opened the backend's listener, or \"any\"");

PARAM_NUMBER(run_as, sluice_run_as, 0, INT_MAX, NULL, 0444,
	     "uid and gid that files are opened with");
PARAM_NUMBER(defer_accept, defer_accept, 0, 255, NULL, 0444,
	     "seconds to wait for data before a connection counts (TCP_DEFER_ACCEPT), 0: do not");

/* --- behaviour ----------------------------------------------------------- */

static int check_standalone(bool value)
{
	if (value || sluice_backend_port)
		return 0;
	pr_err("standalone=0: there is no backend; set backend_port first\n");
	return -EINVAL;
}

PARAM_TOGGLE(strict, sluice_strict, NULL, 0644,
	     "answer malformed requests instead of handing them over");
PARAM_TOGGLE(standalone, sluice_standalone, check_standalone, 0644,
	     "there is no backend: answer everything");

PARAM_TOGGLE(pass_through, sluice_pass_through, NULL, 0644,
	     "the backend gets all connections; set by itself when an invariant is broken");

PARAM_TOGGLE(lenient, sluice_lenient, NULL, 0644,
	     "a bare LF ends a line of a request");
PARAM_TOGGLE(proxy_protocol, sluice_proxy_protocol, NULL, 0644,
	     "connections that begin with a PROXY header are the backend's");
PARAM_CHOICE(query, sluice_query_handover, "serve", "handover",
	     "requests with a query: \"serve\" files all the same, or \"handover\"");
PARAM_CHOICE(authorization, sluice_authorization_serve, "handover", "serve",
	     "requests with credentials: \"handover\", or \"serve\" files all the same");
PARAM_CHOICE(options, sluice_options_self, "handover", "answer",
	     "OPTIONS: \"handover\", or \"answer\" with the methods that files have");
PARAM_CHOICE(if_modified_since, sluice_since_exact, "before", "exact",
	     "304 for a file not newer than the date: \"before\", or of that very date: \"exact\"");
PARAM_CHOICE(bad_range, sluice_bad_range_refuse, "ignore", "416",
	     "ranges that are none: \"ignore\", or answer \"416\"");

PARAM_TOGGLE(direct, sluice_direct, NULL, 0644,
	     "serve where data arrive, in the socket's callback, instead of in a work item");

PARAM_TOGGLE(return, sluice_return, NULL, 0644,
	     "a connection comes back when the backend has answered all that it was given");
PARAM_TOGGLE(take_back, sluice_take_back, NULL, 0644,
	     "with return=1: keep idle connections that the backend closes");

PARAM_NUMBER(cpu_share, sluice_cpu_share, 5, 100, NULL, 0644,
	     "percent of each processor's time that sluice may take");

/* --- limits -------------------------------------------------------------- */

PARAM_NUMBER(max_connections, sluice_max_connections, 1, 10000000, NULL, 0644,
	     "connections at a time; more go to the backend, or are refused");
PARAM_NUMBER(max_per_client, sluice_max_per_client, 0, 10000000, NULL, 0644,
	     "of them for an IPv4 address or an IPv6 /64; more are reset; 0: no limit");
PARAM_NUMBER(max_head_size, sluice_max_head_size, 512, 16384, NULL, 0644,
	     "bytes of a request head");
PARAM_NUMBER(header_timeout, sluice_header_timeout, 1, 3600, NULL, 0644,
	     "seconds in which a request head must be complete");
PARAM_NUMBER(keepalive_timeout, sluice_keepalive_timeout, 1, 3600, NULL, 0644,
	     "seconds that an idle connection is kept");
PARAM_NUMBER(send_timeout, sluice_send_timeout, 1, 3600, NULL, 0644,
	     "seconds without progress after which a response is aborted");
PARAM_NUMBER(linger_timeout, sluice_linger_timeout, 1, 3600, NULL, 0644,
	     "seconds that a client has to read an error and close");
PARAM_NUMBER(unload_timeout, sluice_unload_timeout, 0, 3600, NULL, 0644,
	     "seconds that responses under way have to end when the module is unloaded");
PARAM_BOUND(cache_entries, sluice_cache_entries, 1, 1048576, sluice_cache_trim,
	    "files that are kept open");
PARAM_BOUND(cache_bytes, sluice_cache_bytes, 65536, INT_MAX, sluice_cache_trim,
	    "bytes of kernel memory for them, besides what the files are");
PARAM_NUMBER(cache_idle, sluice_cache_idle, 1, 86400, NULL, 0644,
	     "seconds that a file is kept open without a request");

static int cache_drop_set(const char *text, const struct kernel_param *kp)
{
	bool drop;

	if (kstrtobool(text, &drop) || !drop) {
		pr_err("%s=%s: expected 1, to drop the cache\n", kp->name, text);
		return -EINVAL;
	}
	if (sluice_phase == SLUICE_LIVE)
		sluice_cache_flush();
	return 0;
}

static const struct kernel_param_ops cache_drop_ops = {
	.set = cache_drop_set,
};

module_param_cb(cache_drop, &cache_drop_ops, NULL, 0200);
MODULE_PARM_DESC(cache_drop, "write 1 to close all files that are kept open");

/* --- at load ------------------------------------------------------------- */

/**
 * sluice_params_check() - do the parameters make sense together
 *
 * Context: module init.
 * Return: 0 or -errno; -EINVAL has a line in the kernel log.
 */
int sluice_params_check(void)
{
	int err;

	kernel_param_lock(THIS_MODULE);
	err = sluice_site_check();
	if (!err)
		err = check_backend_port(sluice_backend_port);
	kernel_param_unlock(THIS_MODULE);
	return err;
}

/**
 * sluice_params_open_site() - from here on setters act
 *
 * Context: module init.
 * Return: 0 or -errno, with a line in the kernel log.
 */
int sluice_params_open_site(void)
{
	int err;

	kernel_param_lock(THIS_MODULE);
	err = sluice_site_open();
	if (!err)
		sluice_phase = SLUICE_LIVE;
	kernel_param_unlock(THIS_MODULE);
	return err;
}

static int open_listener(const char *text)
{
	struct sockaddr_storage addr;
	char port_text[6];
	int err;

	snprintf(port_text, sizeof(port_text), "%u", port);
	if (inet_pton_with_scope(current->nsproxy->net_ns, AF_UNSPEC, text,
				 port_text, &addr)) {
		pr_err("address=%s: expected IPv4 or IPv6 addresses with commas between them\n",
		       text);
		return -EINVAL;
	}
	err = sluice_listener_open(&addr, defer_accept);
	if (err == -EADDRINUSE)
		pr_err("address=%s port=%u: in use (%pe); stop the server that listens there, or choose another port\n",
		       text, port, ERR_PTR(err));
	else if (err == -E2BIG)
		pr_err("address: more than %d; listen on 0.0.0.0 or ::\n",
		       SLUICE_LISTENERS_MAX);
	else if (err)
		pr_err("address=%s port=%u: cannot listen (%pe); expected an address of this host\n",
		       text, port, ERR_PTR(err));
	return err;
}

/**
 * sluice_params_open_listeners() - listen on every address
 *
 * Context: module init.
 * Return: 0 or -errno, with a line in the kernel log; then some may be open.
 */
int sluice_params_open_listeners(void)
{
	char *list, *rest, *text;
	int err = 0;

	list = kstrdup(address, GFP_KERNEL);
	if (!list)
		return -ENOMEM;
	rest = list;
	while (!err && (text = strsep(&rest, ",")))
		err = open_listener(strim(text));
	kfree(list);
	return err;
}

/* Setters do not act any more. Context: process. */
void sluice_params_leave(void)
{
	kernel_param_lock(THIS_MODULE);
	sluice_phase = SLUICE_LEAVING;
	kernel_param_unlock(THIS_MODULE);
}

/* After sluice_params_leave(), and when nobody serves. Context: process. */
void sluice_params_exit(void)
{
	kernel_param_lock(THIS_MODULE);
	sluice_site_publish(NULL);
	kernel_param_unlock(THIS_MODULE);
}
