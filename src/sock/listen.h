/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A listening socket whose children we take.
 */
#ifndef SLUICE_SOCK_LISTEN_H
#define SLUICE_SOCK_LISTEN_H

struct request_sock;
struct sluice_listen_sock;
struct sock;

void sluice_listen_hook(struct sluice_listen_sock *lis);
void sluice_listen_unhook(struct sluice_listen_sock *lis);
void sluice_listen_reset(struct sluice_listen_sock *lis);
struct sock *sluice_sock_find_listener(const struct sock *sk);
struct request_sock *sluice_listen_take(struct sluice_listen_sock *lis,
					const struct sock *child);

#endif /* SLUICE_SOCK_LISTEN_H */
