/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The sockets that clients connect to.
 */
#ifndef SLUICE_CONN_LISTENER_H
#define SLUICE_CONN_LISTENER_H

#include <linux/types.h>

#define SLUICE_LISTENERS_MAX 8

struct sockaddr_storage;

int sluice_listener_open(const struct sockaddr_storage *addr,
			 unsigned int defer_accept);
void sluice_listeners_deafen(void);
void sluice_listeners_drain(void);
void sluice_listeners_close(void);

#endif /* SLUICE_CONN_LISTENER_H */
