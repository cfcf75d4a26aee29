/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a worker of the backend may have set on a connection, and the next one must not find.
 */
#ifndef SLUICE_SOCK_OPTIONS_H
#define SLUICE_SOCK_OPTIONS_H

#include <linux/types.h>

struct sock;

/**
 * struct sluice_options - what a socket was set to when it was lent
 * @digest: of all that has to be the same
 * @user_timeout: TCP_USER_TIMEOUT; this and what follows is put back
 * @keepalive_time: TCP_KEEPIDLE
 * @keepalive_intvl: TCP_KEEPINTVL
 * @keepalive_probes: TCP_KEEPCNT
 * @keepalive: SO_KEEPALIVE
 */
struct sluice_options {
	u64		digest;
	u32		user_timeout;
	unsigned int	keepalive_time;
	unsigned int	keepalive_intvl;
	u8		keepalive_probes;
	bool		keepalive;
};

void sluice_options_init(void);
void sluice_options_note(struct sluice_options *was, const struct sock *sk);
bool sluice_options_same(const struct sluice_options *was, const struct sock *sk);
void sluice_options_restore(const struct sluice_options *was, struct sock *sk);

#endif /* SLUICE_SOCK_OPTIONS_H */
