// SPDX-License-Identifier: GPL-2.0
/*
 * Per-CPU counters.
 */
#include <linux/cpumask.h>

#include "base/stats.h"

u64 __percpu *sluice_stats_cpu;

const char *const sluice_stat_names[SLUICE_STAT_COUNT] = {
#define X(id, name) name,
	SLUICE_STATS(X)
#undef X
};

int sluice_stats_init(void)
{
	sluice_stats_cpu = __alloc_percpu(sizeof(u64) * SLUICE_STAT_COUNT,
					  L1_CACHE_BYTES);
	return sluice_stats_cpu ? 0 : -ENOMEM;
}

void sluice_stats_exit(void)
{
	free_percpu(sluice_stats_cpu);
}

/**
 * sluice_stats_sum() - add the counters of all CPUs
 * @sums: SLUICE_STAT_COUNT values
 *
 * Not a snapshot: the CPUs go on counting meanwhile.
 * Context: any.
 */
void sluice_stats_sum(u64 *sums)
{
	int cpu, i;

	for (i = 0; i < SLUICE_STAT_COUNT; i++)
		sums[i] = 0;
	for_each_possible_cpu(cpu)
		for (i = 0; i < SLUICE_STAT_COUNT; i++)
			sums[i] += READ_ONCE(per_cpu_ptr(sluice_stats_cpu, cpu)[i]);
}
