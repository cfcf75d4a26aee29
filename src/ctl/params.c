// SPDX-License-Identifier: GPL-2.0
/*
 * From parameters to a site that is served, and to listening sockets.
 */
#include <linux/err.h>
#include <linux/inet.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/net_namespace.h>

#include "conn/listener.h"
#include "ctl/params.h"
#include "ctl/settings.h"
#include "ctl/site.h"
#include "store/site.h"

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
	err = sluice_settings_check();
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

	snprintf(port_text, sizeof(port_text), "%u", sluice_port);
	if (inet_pton_with_scope(current->nsproxy->net_ns, AF_UNSPEC, text,
				 port_text, &addr)) {
		pr_err("address=%s: expected IPv4 or IPv6 addresses with commas between them\n",
		       text);
		return -EINVAL;
	}
	err = sluice_listener_open(&addr, sluice_defer_accept);
	if (err == -EADDRINUSE)
		pr_err("address=%s port=%u: in use (%pe); stop the server that listens there, or choose another port\n",
		       text, sluice_port, ERR_PTR(err));
	else if (err == -E2BIG)
		pr_err("address: more than %d; listen on 0.0.0.0 or ::\n",
		       SLUICE_LISTENERS_MAX);
	else if (err)
		pr_err("address=%s port=%u: cannot listen (%pe); expected an address of this host\n",
		       text, sluice_port, ERR_PTR(err));
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

	list = kstrdup(sluice_address, GFP_KERNEL);
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
