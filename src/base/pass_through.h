/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pass-through: what cannot be was found, and the backend gets all connections.
 *
 * The lowest room that counts, so that all above it can use it.
 */
#ifndef SLUICE_BASE_PASS_THROUGH_H
#define SLUICE_BASE_PASS_THROUGH_H

#include <linux/bug.h>
#include <linux/types.h>

/**
 * SLUICE_WARN_ON() - the first broken invariant takes the fast path down
 * @condition: true if it is broken
 *
 * Stands in place of WARN_ON() and WARN_ON_ONCE() everywhere: the kernel log has one
 * report for each place, and each time connections are passed through from here on.
 * Whoever asks gives up what he was at, for its client alone.  Nothing that a client,
 * a file or the backend can bring about may be a condition.
 *
 * Context: any.
 * Return: the condition.
 */
#define SLUICE_WARN_ON(condition) ({				\
	bool __broken = WARN_ON_ONCE(condition);		\
								\
	if (unlikely(__broken))					\
		sluice_pass_through_from(__func__, __LINE__);	\
	unlikely(__broken);					\
})

void sluice_pass_through_from(const char *func, int line);

/* Tunable, see ctl/settings.c. */
extern bool sluice_pass_through;

#endif /* SLUICE_BASE_PASS_THROUGH_H */
