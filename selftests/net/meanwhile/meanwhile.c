// SPDX-License-Identifier: GPL-2.0
/*
 * Keeps a function from returning until something was done meanwhile: insmod meanwhile.ko
 * symbol=FUNCTION, wait till reached is 1, do it, and write 1 to go.  Once.
 *
 * So a test can change a setting between two steps that follow each other within a
 * microsecond.  For tests only: the processor waits busily, and for seconds at most.
 */
#include <linux/delay.h>
#include <linux/kprobes.h>
#include <linux/module.h>

#define PATIENCE_MS 5000

static char symbol[64];
module_param_string(symbol, symbol, sizeof(symbol), 0444);
MODULE_PARM_DESC(symbol, "function that does not return");

static bool reached;
module_param(reached, bool, 0444);
MODULE_PARM_DESC(reached, "it was called, and waits");

static bool go;
module_param(go, bool, 0644);
MODULE_PARM_DESC(go, "it may return");

/* Softirq too. */
static int hold(struct kretprobe_instance *unused, struct pt_regs *regs)
{
	int ms;

	if (xchg(&reached, true))
		return 0;
	for (ms = 0; ms < PATIENCE_MS && !READ_ONCE(go); ms++)
		mdelay(1);
	return 0;
}

static struct kretprobe probe = {
	.handler	= hold,
	.maxactive	= 64,
};

static int __init meanwhile_init(void)
{
	probe.kp.symbol_name = symbol;
	return register_kretprobe(&probe);
}

static void __exit meanwhile_exit(void)
{
	unregister_kretprobe(&probe);
}

module_init(meanwhile_init);
module_exit(meanwhile_exit);

MODULE_DESCRIPTION("Keeps a function from returning");
MODULE_LICENSE("GPL");
