// SPDX-License-Identifier: GPL-2.0
/*
 * A setting changes at the very moment when a function returns: insmod meanwhile.ko
 * symbol=FUNCTION address=OF-A-BOOL value=0|1.  As often as is written to times.
 *
 * So a test can change it between two steps that follow each other within a
 * microsecond.  For tests only.
 */
#include <linux/kprobes.h>
#include <linux/module.h>

static char symbol[64];
module_param_string(symbol, symbol, sizeof(symbol), 0444);
MODULE_PARM_DESC(symbol, "function after which it changes");

static unsigned long address;
module_param(address, ulong, 0444);
MODULE_PARM_DESC(address, "where the setting is, of /proc/kallsyms");

static bool value;
module_param(value, bool, 0644);
MODULE_PARM_DESC(value, "what it is then");

static int times;
module_param(times, int, 0644);
MODULE_PARM_DESC(times, "how often it still will");

/* Whoever writes times waits until it is 0, so there is no race to take care of. */
static int change(struct kretprobe_instance *unused, struct pt_regs *regs)
{
	if (times > 0) {
		times--;
		WRITE_ONCE(*(bool *)address, value);
	}
	return 0;
}

static struct kretprobe probe = {
	.handler	= change,
	.maxactive	= 64,
};

static int __init meanwhile_init(void)
{
	if (!address)
		return -EINVAL;
	probe.kp.symbol_name = symbol;
	return register_kretprobe(&probe);
}

static void __exit meanwhile_exit(void)
{
	unregister_kretprobe(&probe);
}

module_init(meanwhile_init);
module_exit(meanwhile_exit);

MODULE_DESCRIPTION("Changes a setting when a function returns");
MODULE_LICENSE("GPL");
