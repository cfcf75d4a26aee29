/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Why a connection that was lent is the backend's alone, or was not lent at all.
 */
#ifndef SLUICE_LOAN_LEFT_H
#define SLUICE_LOAN_LEFT_H

#include "base/stats.h"
#include "http/exchange.h"

/* Those of ours, behind those of HTTP_LEAVES. */
#define SLUICE_LEFTS(X) \
	X(LOST)		/* not all was seen: or no memory for what has to be kept */ \
	X(URGENT)	/* a second stream */ \
	X(OPTION)	/* set to what is not undone, or cannot be followed */ \
	X(SHUTDOWN)	/* the backend has shut it down */ \
	X(CLOSED)	/* the backend has closed it, or it is dead */ \
	X(OFF)		/* a setting, or the module leaves */

/*
 * Functions of this room return "0, or why it has to end", and do not end it: whoever called
 * them does, with sluice_lend_end().
 */
enum sluice_left {
	SLUICE_LEFT_NOT = HTTP_LEAVE_NOT,
#define X(name) SLUICE_LEFT_##name = HTTP_LEAVE_##name,
	HTTP_LEAVES(X)
#undef X
	SLUICE_LEFT_HTTP = HTTP_LEAVE_COUNT - 1,
#define X(name) SLUICE_LEFT_##name,
	SLUICE_LEFTS(X)
#undef X
	SLUICE_LEFT_COUNT
};

static_assert(SLUICE_LEFT_NOT == 0);

/* The same reason, wider. */
static inline enum sluice_left sluice_left_of_http(enum http_leave why)
{
	return (enum sluice_left)why;
}

void sluice_left_count(struct sluice_stats __percpu *stats, enum sluice_left why);

#endif /* SLUICE_LOAN_LEFT_H */
