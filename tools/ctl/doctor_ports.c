// SPDX-License-Identifier: GPL-2.0
/*
 * doctor: sluice's port and the backend's.
 */
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "sockets.h"
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
		found_bad(report, "port %lu: taken by %s on %s; move that to the backend's port",
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
		found_bad(report, "backend: no backend_port; set it, or standalone=1");
	listeners_free(&listeners);
}

/* It listens where clients come, and nothing of ours does. */
static void look_at_attached(struct report *report, unsigned long port)
{
	struct listeners listeners = { 0 };
	size_t i;

	listeners_read(&listeners, port);
	for (i = 0; i < listeners.count; i++)
		look_at_opener(report, &listeners.one[i]);
	if (listeners.count)
		look_at_descriptors(report, &listeners.one[0]);
	else
		found_bad(report, "attach: nobody listens on port %lu here; start the server, or correct attach",
			  port);
	listeners_free(&listeners);
}

void look_at_ports(struct report *report)
{
	char *attach = in_effect(report, "attach", "");
	char *rest = attach, *port;

	if (!*attach) {
		look_at_own(report);
		look_at_backend(report);
	}
	while (*attach && (port = strsep(&rest, ",")))
		look_at_attached(report, strtoul(port, NULL, 10));
	free(attach);
}
