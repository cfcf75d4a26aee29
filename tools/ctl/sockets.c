// SPDX-License-Identifier: GPL-2.0
/*
 * Who listens where: /proc/net/tcp, and the descriptors of processes.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sockets.h"
#include "text.h"
#include "tree.h"

#define TCP_LISTEN 0x0a

/* Words of 32 bits in hex, each as this machine has it in memory. */
static bool take_address(struct listener *listener, const char *hex)
{
	size_t words = strlen(hex) / 8, i;
	uint32_t part[4];

	if (words != 1 && words != 4)
		return false;
	for (i = 0; i < words; i++)
		if (sscanf(hex + 8 * i, "%8x", &part[i]) != 1)
			return false;
	if (words == 1) {
		inet_ntop(AF_INET, part, listener->address, sizeof(listener->address));
		listener->any = !part[0];
		listener->loop = ntohl(part[0]) >> 24 == 127;
	} else {
		listener->address[0] = '[';
		inet_ntop(AF_INET6, part, listener->address + 1, INET6_ADDRSTRLEN);
		strcat(listener->address, "]");
		listener->any = IN6_IS_ADDR_UNSPECIFIED((struct in6_addr *)part);
		listener->loop = IN6_IS_ADDR_LOOPBACK((struct in6_addr *)part);
	}
	return true;
}

static void take_line(struct listeners *listeners, const char *line, unsigned int port)
{
	struct listener listener = { 0 };
	unsigned int state;
	char hex[33];

	if (sscanf(line, "%*u: %32[0-9A-Fa-f]:%x %*[^:]:%*x %x %*x:%*x %*x:%*x %*x %u %*u %lu", hex,
		   &listener.port, &state, &listener.uid, &listener.inode) != 5)
		return;
	if (state != TCP_LISTEN || listener.port != port || !take_address(&listener, hex))
		return;
	listeners->one = need(realloc(listeners->one,
				      (listeners->count + 1) * sizeof(listener)));
	listeners->one[listeners->count++] = listener;
}

static void take_file(struct listeners *listeners, const char *path, unsigned int port)
{
	struct text text = { 0 };
	char *lines, *line;

	if (!tree_read(path, TREE_FILE_MAX, &text))
		for (lines = text.buf; (line = strsep(&lines, "\n"));)
			take_line(listeners, trim(line), port);
	text_free(&text);
}

/* --- whose ------------------------------------------------------------------ */

static struct listener *by_inode(struct listeners *listeners, unsigned long inode)
{
	size_t i;

	for (i = 0; i < listeners->count; i++)
		if (listeners->one[i].inode == inode)
			return &listeners->one[i];
	return NULL;
}

/* Children have it of their parent, whose number is lower. */
static void take_owner(struct listener *listener, const char *pid)
{
	unsigned long number = strtoul(pid, NULL, 10);
	char *path, *name;

	if (listener->process && listener->pid < number)
		return;
	path = print("/proc/%s/comm", pid);
	name = tree_line(path);
	free(listener->process);
	listener->process = print("%s (%s)", name ? name : "?", pid);
	listener->pid = number;
	free(name);
	free(path);
}

static void take_descriptor(struct listeners *listeners, const char *pid, const char *fd)
{
	char *path = print("/proc/%s/fd/%s", pid, fd), *full = tree_path(path);
	struct listener *listener;
	unsigned long inode;
	char link[64] = "";

	if (readlink(full, link, sizeof(link) - 1) > 0 &&
	    sscanf(link, "socket:[%lu]", &inode) == 1 && inode) {
		listener = by_inode(listeners, inode);
		if (listener)
			take_owner(listener, pid);
	}
	free(full);
	free(path);
}

static void take_process(struct listeners *listeners, const char *pid)
{
	char *dir = print("/proc/%s/fd", pid);
	size_t count, i;
	char **fds = tree_list(dir, &count);

	for (i = 0; i < count; i++)
		take_descriptor(listeners, pid, fds[i]);
	free_list(fds, count);
	free(dir);
}

static void find_processes(struct listeners *listeners)
{
	size_t count, i;
	char **pids = tree_list("/proc", &count);

	for (i = 0; i < count; i++)
		if (isdigit((unsigned char)pids[i][0]))
			take_process(listeners, pids[i]);
	free_list(pids, count);
}

/* Those on @port, in the network namespace of the caller. */
void listeners_read(struct listeners *listeners, unsigned int port)
{
	*listeners = (struct listeners){ 0 };
	take_file(listeners, "/proc/net/tcp", port);
	take_file(listeners, "/proc/net/tcp6", port);
	if (listeners->count)
		find_processes(listeners);
}

void listeners_free(struct listeners *listeners)
{
	while (listeners->count)
		free(listeners->one[--listeners->count].process);
	free(listeners->one);
	listeners->one = NULL;
}

/* For the caller to free. */
char *user_name(unsigned int uid)
{
	struct passwd *user = getpwuid(uid);

	return user ? copy_of(user->pw_name) : print("%u", uid);
}
