/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sending from softirq: bytes by copy, page-cache pages by reference.
 */
#ifndef SLUICE_SOCK_SEND_H
#define SLUICE_SOCK_SEND_H

#include <linux/uio.h>
#include <net/tcp.h>

struct bio_vec;
struct sluice_lane;
struct sluice_sock;

bool sluice_send_has_space(struct sock *sk);
u32 sluice_send_window(const struct sock *sk);
int sluice_send_bytes(struct sluice_lane *lane, struct sluice_sock *ss,
		      struct kvec *vec, unsigned int n, size_t len, bool more);
int sluice_send_pages(struct sluice_sock *ss, struct bio_vec *bv,
		      unsigned int n, size_t len, bool more);

#endif /* SLUICE_SOCK_SEND_H */
