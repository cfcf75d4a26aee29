// SPDX-License-Identifier: GPL-2.0
/*
 * A function returns something else than it does: insmod lie.ko symbol=FUNCTION
 * value=NUMBER.  Once, or as often as is written to times.
 *
 * So a test can break what must never be broken, and the code under test has no
 * lever for it.  For tests only.
 */
#include <linux/kprobes.h>
#include <linux/module.h>

static char symbol[64];
module_param_string(symbol, symbol, sizeof(symbol), 0444);
MODULE_PARM_DESC(symbol, "function that lies");

static long value;
module_param(value, long, 0644);
MODULE_PARM_DESC(value, "what it returns instead");

static int times = 1;
module_param(times, int, 0644);
MODULE_PARM_DESC(times, "how often it still will");

/* Whoever writes times waits until it is 0, so there is no race to take care of. */
static int lie(struct kretprobe_instance *unused, struct pt_regs *regs)
{
	if (times > 0) {
		times--;
		regs_set_return_value(regs, value);
	}
	return 0;
}

static struct kretprobe probe = {
	.handler	= lie,
	.maxactive	= 64,
};

static int __init lie_init(void)
{
	probe.kp.symbol_name = symbol;
	return register_kretprobe(&probe);
}

static void __exit lie_exit(void)
{
	unregister_kretprobe(&probe);
}

module_init(lie_init);
module_exit(lie_exit);

MODULE_DESCRIPTION("Makes a function return what it does not");
MODULE_LICENSE("GPL");
