/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The counters of /proc/net/sluice/stats.
 */
#ifndef SLUICECTL_STATS_H
#define SLUICECTL_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stat_line {
	char		*name;
	uint64_t	value;
};

/**
 * struct stats - counters, in the order of the file
 * @line:  each
 * @count: of them
 */
struct stats {
	struct stat_line	*line;
	size_t			count;
};

int stats_read(struct stats *stats);
void stats_free(struct stats *stats);
const struct stat_line *stats_find(const struct stats *stats, const char *name);
uint64_t stats_value(const struct stats *stats, const char *name);
bool stats_is_level(const char *name);
void stats_say_missing(int err);

#endif /* SLUICECTL_STATS_H */
