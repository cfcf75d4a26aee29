// SPDX-License-Identifier: GPL-2.0
/*
 * doctor: sluice's port and the backend's.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "sockets.h"
#include "stats.h"
#include "text.h"
#include "tree.h"

static const char *owner(const struct listener *listener)
{
	return listener->process ? listener->process : "who is not to be seen";
}

static void look_at_own(struct report *report)
{
	unsigned long port = number_in_effect(report, "port", "80");
	struct listeners listeners;
	const struct listener *one;

	listeners_read(&listeners, port);
	one = listeners.count ? &listeners.one[0] : NULL;
	if (report->loaded && one)
		found_ok(report, "port %lu: sluice listens", port);
	else if (report->loaded)
		found_warning(report, "port %lu: nobody listens here; sluice may be in another network namespace",
			      port);
	else if (one)
		found_bad(report, "port %lu: taken by %s on %s; move that to the backend's port, or set attach",
			  port, owner(one), one->address);
	else
		found_ok(report, "port %lu: free", port);
	listeners_free(&listeners);
}

/* Who may be given connections: by default root alone. */
static void look_at_opener(struct report *report, const struct listener *one)
{
	char *wanted = in_effect(report, "backend_uid", "0");
	char *user = user_name(one->uid);

	if (strcmp(wanted, "any") && strtoul(wanted, NULL, 0) != one->uid)
		found_bad(report, "backend %s:%u: opened by %s, %s; expected backend_uid=%s: is it the backend? then set backend_uid=%u",
			  one->address, one->port, user, owner(one), wanted, one->uid);
	else
		found_ok(report, "backend %s:%u: opened by %s, %s", one->address, one->port, user,
			 owner(one));
	free(user);
	free(wanted);
}

static void look_at_exposure(struct report *report, const struct listener *one)
{
	if (!one->loop)
		found_warning(report, "backend %s:%u: open to others, past sluice; firewall it, or bind it to the loopback",
			      one->address, one->port);
}

/* Connections become descriptors of the backend. */
static void look_at_descriptors(struct report *report, const struct listener *one)
{
	char *path = print("/proc/%lu/limits", one->pid);
	char *limits = one->process ? tree_line(path) : NULL;
	const char *line = limits ? strstr(limits, "Max open files") : NULL;
	unsigned long number = line ? strtoul(line + strlen("Max open files"), NULL, 10) : 0;

	if (number && number <= 1024)
		found_warning(report, "backend: %s may open %lu files, each connection is one; raise it (nginx: worker_rlimit_nofile)",
			      one->process, number);
	free(limits);
	free(path);
}

static void look_at_backend(struct report *report)
{
	unsigned long port = number_in_effect(report, "backend_port", "0");
	bool alone = number_in_effect(report, "standalone", "0");
	struct listeners listeners = { 0 };
	size_t i;

	if (port)
		listeners_read(&listeners, port);
	for (i = 0; i < listeners.count; i++) {
		look_at_opener(report, &listeners.one[i]);
		look_at_exposure(report, &listeners.one[i]);
	}
	if (listeners.count)
		look_at_descriptors(report, &listeners.one[0]);
	else if (alone)
		found_ok(report, "backend: none is wanted (standalone)");
	else if (port)
		found_bad(report, "backend: nobody listens on port %lu here; start it, or correct backend_port",
			  port);
	else
		found_bad(report, "backend: no backend_port; set attach=80 if the server is to keep its port, or it, or standalone=1");
	listeners_free(&listeners);
}

/* It listens where clients come, and nothing of ours does. Return: how many sockets. */
static size_t look_at_server(struct report *report, unsigned long port)
{
	struct listeners listeners = { 0 };
	size_t count, i;

	listeners_read(&listeners, port);
	for (i = 0; i < listeners.count; i++)
		look_at_opener(report, &listeners.one[i]);
	if (listeners.count)
		look_at_descriptors(report, &listeners.one[0]);
	else
		found_bad(report, "attach: nobody listens on port %lu here; start the server, or correct attach",
			  port);
	count = listeners.count;
	listeners_free(&listeners);
	return count;
}

/* @count: of those that it could be attached to. */
static void look_at_attached(struct report *report, size_t count)
{
	struct stats stats;
	uint64_t attached;

	if (!report->loaded || !count || stats_read(&stats))
		return;
	attached = stats_value(&stats, "live_attached");
	if (!attached)
		found_bad(report, "attach: to none of %zu listening sockets; the kernel log says why (MPTCP, another user, BPF)",
			  count);
	else if (attached < count)
		found_warning(report, "attach: to %" PRIu64 " of %zu listening sockets; the kernel log says why not to the others",
			      attached, count);
	else
		found_ok(report, "attach: to %" PRIu64 " listening sockets", attached);
	stats_free(&stats);
}

static void look_at_attach(struct report *report, char *ports)
{
	size_t count = 0;
	char *port;

	while ((port = strsep(&ports, ",")))
		count += look_at_server(report, strtoul(port, NULL, 10));
	look_at_attached(report, count);
}

void look_at_ports(struct report *report)
{
	char *attach = in_effect(report, "attach", "");

	if (*attach) {
		look_at_attach(report, attach);
	} else {
		look_at_own(report);
		look_at_backend(report);
	}
	free(attach);
}
