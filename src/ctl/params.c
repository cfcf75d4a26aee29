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

#include "conn/conn.h"
#include "conn/dispatch.h"
#include "conn/ladder.h"
#include "conn/listener.h"
#include "ctl/params.h"
#include "sock/handoff.h"
#include "store/cache.h"
#include "store/docroot.h"
#include "store/routes.h"

/* Fixed at load. */
static unsigned int port = 80;
static unsigned int defer_accept;
static unsigned int run_as = 65534;	/* nobody */
static char *address;
/* The name of what sluice_docroot_open() was given last. */
static char *docroot;
/*
 * The files in sysfs are there before init and after exit, so setters must know.
 * Under the parameter lock, as are the words above.
 */
static enum {
	LOADING,	/* a setter only remembers */
	LIVE,		/* it acts */
	LEAVING,	/* there is nothing to act on any more: -ENODEV */
} phase;

/* --- numbers ------------------------------------------------------------- */

struct number {
	unsigned int	*value;
	unsigned int	min;
	unsigned int	max;
	int		(*check)(unsigned int value);
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
	if (phase == LIVE && number->check) {
		err = number->check(value);
		if (err)
			return err;
	}
	WRITE_ONCE(*number->value, value);
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
	if (phase == LIVE && toggle->check) {
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

/* --- words --------------------------------------------------------------- */

static int replace_word(char **word, const char *text)
{
	char *copy = kstrndup(text, strcspn(text, "\n"), GFP_KERNEL);

	if (!copy)
		return -ENOMEM;
	kfree(*word);
	*word = copy;
	return 0;
}

/* --- docroot ------------------------------------------------------------- */

static int open_docroot(const char *name)
{
	struct sluice_docroot *root = sluice_docroot_open(name, run_as);
	int err = PTR_ERR_OR_ZERO(root);

	switch (err) {
	case 0:
		sluice_docroot_publish(root);
		return 0;
	case -EPERM:
		pr_err("docroot=%s: refused, it would serve the whole system; name a directory that holds only what may be served\n",
		       name);
		break;
	case -EINVAL:
		pr_err("run_as=%u: expected the number of a user\n", run_as);
		break;
	default:
		pr_err("docroot=%s: cannot be opened (%pe); expected a directory that exists\n",
		       name, ERR_PTR(err));
	}
	return err;
}

static int docroot_set(const char *text, const struct kernel_param *kp)
{
	char *old = docroot;
	int err;

	if (phase == LEAVING)
		return -ENODEV;
	docroot = NULL;
	err = replace_word(&docroot, text);
	if (!err && phase == LIVE)
		err = open_docroot(docroot);
	if (err) {
		kfree(docroot);
		docroot = old;
		return err;
	}
	kfree(old);
	if (phase == LIVE)
		sluice_cache_flush();
	return 0;
}

static int docroot_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%s\n", docroot ?: "");
}

static const struct kernel_param_ops docroot_ops = {
	.set = docroot_set,
	.get = docroot_get,
};

module_param_cb(docroot, &docroot_ops, NULL, 0644);
MODULE_PARM_DESC(docroot, "directory whose files are served");

/* --- address and port ---------------------------------------------------- */

static int address_set(const char *text, const struct kernel_param *kp)
{
	return replace_word(&address, text);
}

static int address_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%s\n", address ?: "0.0.0.0");
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

PARAM_NUMBER(defer_accept, defer_accept, 0, 255, NULL, 0444,
	     "seconds to wait for data before a connection counts (TCP_DEFER_ACCEPT), 0: do not");
PARAM_NUMBER(run_as, run_as, 0, INT_MAX, NULL, 0444,
	     "uid and gid that files are opened with");

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

static int query_set(const char *text, const struct kernel_param *kp)
{
	if (sysfs_streq(text, "handover")) {
		WRITE_ONCE(sluice_query_handover, true);
	} else if (sysfs_streq(text, "serve")) {
		WRITE_ONCE(sluice_query_handover, false);
	} else {
		pr_err("query=%s: expected \"serve\" or \"handover\"\n", text);
		return -EINVAL;
	}
	return 0;
}

static int query_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%s\n",
			  sluice_query_handover ? "handover" : "serve");
}

static const struct kernel_param_ops query_ops = {
	.set = query_set,
	.get = query_get,
};

module_param_cb(query, &query_ops, NULL, 0644);
MODULE_PARM_DESC(query, "requests with a query: \"serve\" files all the same, or \"handover\"");

/* Else the default is, at load. */
static bool dynamic_is_set;

static int dynamic_set(const char *text, const struct kernel_param *kp)
{
	int err;

	if (phase == LEAVING)
		return -ENODEV;
	err = sluice_routes_set_dynamic(text);
	if (!err)
		dynamic_is_set = true;
	if (err == -EINVAL || err == -E2BIG)
		pr_err("dynamic=%s: expected suffixes like .php,.cgi, 64 at most\n",
		       text);
	return err;
}

static int dynamic_get(char *buf, const struct kernel_param *kp)
{
	return sluice_routes_show_dynamic(buf, PAGE_SIZE);
}

static const struct kernel_param_ops dynamic_ops = {
	.set = dynamic_set,
	.get = dynamic_get,
};

module_param_cb(dynamic, &dynamic_ops, NULL, 0644);
MODULE_PARM_DESC(dynamic, "suffixes of files that are programs, not to be served");

/* --- limits -------------------------------------------------------------- */

PARAM_NUMBER(max_connections, sluice_max_connections, 1, 10000000, NULL, 0644,
	     "connections at a time; more go to the backend, or are refused");
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
PARAM_NUMBER(cache_entries, sluice_cache_entries, 1, 1048576, NULL, 0644,
	     "files that are kept open");
PARAM_NUMBER(cache_idle, sluice_cache_idle, 1, 86400, NULL, 0644,
	     "seconds that a file is kept open without a request");

/* --- at load ------------------------------------------------------------- */

static int check_together(void)
{
	if (!docroot || !*docroot) {
		pr_err("docroot is missing; say docroot=/var/www/html or whichever directory is to be served\n");
		return -EINVAL;
	}
	return check_backend_port(sluice_backend_port);
}

/**
 * sluice_params_check() - do the parameters make sense together
 *
 * Context: module init.
 * Return: 0 or -errno; -EINVAL has a line in the kernel log.
 */
int sluice_params_check(void)
{
	int err = 0;

	kernel_param_lock(THIS_MODULE);
	if (!dynamic_is_set)
		err = sluice_routes_set_dynamic(SLUICE_DYNAMIC_DEFAULT);
	if (!err)
		err = check_together();
	kernel_param_unlock(THIS_MODULE);
	return err;
}

/**
 * sluice_params_open_docroot() - from here on setters act
 *
 * Context: module init.
 * Return: 0 or -errno, with a line in the kernel log.
 */
int sluice_params_open_docroot(void)
{
	int err;

	kernel_param_lock(THIS_MODULE);
	err = open_docroot(docroot);
	if (!err)
		phase = LIVE;
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

	list = kstrdup(address && *address ? address : "0.0.0.0", GFP_KERNEL);
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
	phase = LEAVING;
	kernel_param_unlock(THIS_MODULE);
}

/* After sluice_params_leave(), and when nobody serves. Context: process. */
void sluice_params_exit(void)
{
	kernel_param_lock(THIS_MODULE);
	sluice_docroot_publish(NULL);
	sluice_routes_exit();
	kfree(docroot);
	docroot = NULL;
	kfree(address);
	address = NULL;
	kernel_param_unlock(THIS_MODULE);
}
