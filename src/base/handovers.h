/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Why requests are not served here: the last of them, and a line in the log for the first of
 * each kind.
 */
#ifndef SLUICE_BASE_HANDOVERS_H
#define SLUICE_BASE_HANDOVERS_H

#include <linux/bitmap.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "base/stats.h"
#include "http/span.h"

struct seq_file;

#define SLUICE_HANDOVERS_KEPT	32
/* Bytes of a method and a target; the rest is cut off. */
#define SLUICE_HANDOVER_TEXT	96
/* No fewer than there are kinds. */
#define SLUICE_HANDOVER_KINDS	64

/**
 * struct sluice_handover - a request that was not served
 * @at:   seconds since boot
 * @kind: place in the table of kinds
 * @len:  bytes of @text
 * @cut:  there was more of it
 * @text: method and path as they came: whatever a client likes
 */
struct sluice_handover {
	time64_t	at;
	u8		kind;
	u8		len;
	bool		cut;
	u8		text[SLUICE_HANDOVER_TEXT];
};

/**
 * struct sluice_handovers - those of an instance
 * @lock:   protects the rest
 * @prefix: const: of lines in the log
 * @count:  how many there have been; the next one's place
 * @noted:  jiffies, when a kind was noted last; without the lock
 * @said:   kinds that the log has a line of
 * @kept:   the last ones
 */
struct sluice_handovers {
	spinlock_t		lock;		/* protects the rest */
	const char		*prefix;
	unsigned int		count;
	unsigned long		noted[SLUICE_HANDOVER_KINDS];
	DECLARE_BITMAP(said, SLUICE_HANDOVER_KINDS);
	struct sluice_handover	kept[SLUICE_HANDOVERS_KEPT];
};

struct sluice_handovers *sluice_handovers_create(const char *prefix);
void sluice_handovers_note(struct sluice_handovers *handovers, enum sluice_stat why, long err,
			   struct span method, struct span target, bool say);
void sluice_handovers_show(struct sluice_handovers *handovers, struct seq_file *seq);

#endif /* SLUICE_BASE_HANDOVERS_H */
