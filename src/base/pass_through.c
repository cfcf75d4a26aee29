// SPDX-License-Identifier: GPL-2.0
/*
 * The switch that takes the fast path down.
 */
#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/printk.h>

#include "base/pass_through.h"
#include "base/stats.h"

/* Not a static key: those cannot be turned in softirq. */
bool sluice_pass_through __read_mostly;

/* An invariant is broken: see SLUICE_WARN_ON(). Context: any. */
void __cold sluice_pass_through_from(const char *func, int line)
{
	atomic_inc(&sluice_invariants_broken);
	if (xchg(&sluice_pass_through, true))
		return;
	pr_err("%s():%d: an invariant is broken, so the backend gets all connections (pass_through=1); please report it with the log above, and write 0 to pass_through to serve files again\n",
	       func, line);
}
