// SPDX-License-Identifier: GPL-2.0
/*
 * Make the Nth call of a function fail, of those that sluice is on the stack of.
 *
 * That is in any context, which /proc/self/fail-nth does not reach, and counted
 * from a point that one chooses, which the interval of failslab is not; and it
 * reaches functions that no fault injection is built into.
 *
 * For selftests/net/fault.py. To be loaded before sluice.
 */
#include <linux/atomic.h>
#include <linux/gfp.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/ptrace.h>
#include <linux/string.h>

/* How far up the stack sluice is looked for. */
#define STACK_WORDS 1024

static char *function = "should_failslab";
module_param(function, charp, 0444);
MODULE_PARM_DESC(function, "the kernel's or sluice's, also one that is __init");

static long result;
module_param(result, long, 0444);
MODULE_PARM_DESC(result, "what it returns when it fails");

static int gfp_argument = -1;
module_param(gfp_argument, int, 0444);
MODULE_PARM_DESC(gfp_argument, "which argument tells that it may not fail, -1 for none");

static char *except;
module_param(except, charp, 0444);
MODULE_PARM_DESC(except, "one of the kernel's that stands no failure below it");

static unsigned int nth;
static atomic_t calls;
static const struct module *sluice;
static struct kprobe probe;
static struct kretprobe excepted;
/* Who is in there; but one at a time, which is enough for who loads modules. */
static const struct task_struct *inside;

/* A call in progress is for either count. */
static int nth_set(const char *text, const struct kernel_param *kp)
{
	WRITE_ONCE(nth, 0);
	atomic_set(&calls, 0);
	return param_set_uint(text, kp);
}

static const struct kernel_param_ops nth_ops = {
	.set = nth_set,
	.get = param_get_uint,
};

module_param_cb(nth, &nth_ops, &nth, 0644);
MODULE_PARM_DESC(nth, "which call fails from now on, 0 for none");

static int calls_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%d\n", atomic_read(&calls));
}

static const struct kernel_param_ops calls_ops = {
	.get = calls_get,
};

module_param_cb(calls, &calls_ops, NULL, 0444);
MODULE_PARM_DESC(calls, "how many there were since nth was written");

/* Its text: a pointer to its data is no caller. */
static bool is_sluice(unsigned long addr)
{
	return within_module_mem_type(addr, sluice, MOD_TEXT) ||
	       within_module_mem_type(addr, sluice, MOD_INIT_TEXT);
}

static unsigned long return_address(const struct pt_regs *regs)
{
	return *(const unsigned long *)regs->sp;
}

/*
 * Is an address of sluice on the stack?  Not by the unwinder: it does not see
 * through a probe at the first instruction of a function.  Now and then one is there
 * that means nothing; then a call more is counted.
 */
static bool sluice_calls(const struct pt_regs *regs)
{
	const unsigned long *word = (const unsigned long *)regs->sp;
	const unsigned long *end = PTR_ALIGN(word + 1, THREAD_SIZE);

	if (end - word > STACK_WORDS)
		end = word + STACK_WORDS;
	for (; word < end; word++)
		if (is_sluice(READ_ONCE_NOCHECK(*word)))
			return true;
	return false;
}

static int before_call(struct kprobe *p, struct pt_regs *regs)
{
	if (gfp_argument >= 0 &&
	    (regs_get_kernel_argument(regs, gfp_argument) & __GFP_NOFAIL))
		return 0;
	if (READ_ONCE(inside) == current || !sluice_calls(regs) ||
	    atomic_inc_return(&calls) != READ_ONCE(nth))
		return 0;
	/* As if it had just returned. */
	regs_set_return_value(regs, result);
	regs->ip = return_address(regs);
	regs->sp += sizeof(unsigned long);
	return 1;
}

NOKPROBE_SYMBOL(before_call);

/* A probe with one of these stays a breakpoint: only there ip can be changed. */
static void after_call(struct kprobe *p, struct pt_regs *regs,
		       unsigned long flags)
{
}

static int enter_excepted(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	WRITE_ONCE(inside, current);
	return 0;
}

NOKPROBE_SYMBOL(enter_excepted);

static int leave_excepted(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	WRITE_ONCE(inside, NULL);
	return 0;
}

NOKPROBE_SYMBOL(leave_excepted);

static int add_probes(void)
{
	int err;

	probe = (struct kprobe){
		.symbol_name = function,
		.pre_handler = before_call,
		.post_handler = after_call,
	};
	err = register_kprobe(&probe);
	if (err) {
		pr_err("no probe in %s: %d\n", function, err);
		return err;
	}
	if (!except)
		return 0;
	excepted = (struct kretprobe){
		.kp.symbol_name = except,
		.entry_handler = enter_excepted,
		.handler = leave_excepted,
	};
	err = register_kretprobe(&excepted);
	if (err) {
		pr_err("no probe in %s: %d\n", except, err);
		unregister_kprobe(&probe);
	}
	return err;
}

/* Notifiers are called one at a time. */
static void remove_probes(void)
{
	if (!sluice)
		return;
	if (except)
		unregister_kretprobe(&excepted);
	unregister_kprobe(&probe);
	sluice = NULL;
}

/*
 * When sluice comes its functions are known, and none has run; when it goes all of
 * them have, the exit function too.
 */
static int module_event(struct notifier_block *nb, unsigned long event,
			void *data)
{
	const struct module *mod = data;
	int err;

	if (strcmp(mod->name, "sluice"))
		return NOTIFY_DONE;
	switch (event) {
	case MODULE_STATE_COMING:
		sluice = mod;
		err = add_probes();
		if (err)
			sluice = NULL;
		return notifier_from_errno(err);
	case MODULE_STATE_GOING:
		remove_probes();
		break;
	}
	return NOTIFY_DONE;
}

static struct notifier_block notifier = {
	.notifier_call = module_event,
};

static int __init fail_nth_init(void)
{
	return register_module_notifier(&notifier);
}

static void __exit fail_nth_exit(void)
{
	unregister_module_notifier(&notifier);
	remove_probes();	/* sluice may be there still */
}

module_init(fail_nth_init);
module_exit(fail_nth_exit);

MODULE_DESCRIPTION("Make the Nth call of a function below sluice fail");
MODULE_LICENSE("GPL");
