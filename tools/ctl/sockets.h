/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who listens where.
 */
#ifndef SLUICECTL_SOCKETS_H
#define SLUICECTL_SOCKETS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

/**
 * struct listener - a listening TCP socket
 * @address: "[::]" with brackets, to be put in front of a colon
 * @any:     all addresses
 * @loop:    of the loopback
 * @port:    of it
 * @uid:     who opened it
 * @inode:   of the socket
 * @pid:     whose it is
 * @process: likewise, "name (pid)"; NULL: not found, for it is the kernel's or another
 *           namespace's, or we may not look
 */
struct listener {
	char		address[INET6_ADDRSTRLEN + 2];
	bool		any;
	bool		loop;
	unsigned int	port;
	unsigned int	uid;
	unsigned long	inode;
	unsigned long	pid;
	char		*process;
};

struct listeners {
	struct listener	*one;
	size_t		count;
};

void listeners_read(struct listeners *listeners, unsigned int port);
void listeners_free(struct listeners *listeners);
char *user_name(unsigned int uid);

#endif /* SLUICECTL_SOCKETS_H */
