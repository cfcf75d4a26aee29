// SPDX-License-Identifier: GPL-2.0
/*
 * Per-CPU counters.
 */
#include <linux/cpumask.h>

#include "base/stats.h"

atomic_t sluice_invariants_broken = ATOMIC_INIT(0);

const char *const sluice_stat_names[SLUICE_STAT_COUNT] = {
#define X(id, name) name,
	SLUICE_STATS(X)
#undef X
};

int sluice_stats_init(struct sluice_stats __percpu **stats)
{
	*stats = alloc_percpu(struct sluice_stats);
	return *stats ? 0 : -ENOMEM;
}

void sluice_stats_exit(struct sluice_stats __percpu **stats)
{
	free_percpu(*stats);
	*stats = NULL;
}

/**
 * sluice_stats_sum() - add the counters of all CPUs
 * @stats: of an instance
 * @sums:  SLUICE_STAT_COUNT values
 *
 * Not a snapshot: the CPUs go on counting meanwhile.
 * Context: any.
 */
void sluice_stats_sum(struct sluice_stats __percpu *stats, u64 *sums)
{
	int cpu, i;

	for (i = 0; i < SLUICE_STAT_COUNT; i++)
		sums[i] = 0;
	for_each_possible_cpu(cpu)
		for (i = 0; i < SLUICE_STAT_COUNT; i++)
			sums[i] += READ_ONCE(per_cpu_ptr(stats, cpu)->count[i]);
	sums[SLUICE_STAT_INVARIANTS_BROKEN] = atomic_read(&sluice_invariants_broken);
}
