/* SPDX-License-Identifier: GPL-2.0 */
/* What is needed of QEMU's interface to plugins, for which Debian has no header. */
#ifndef SLUICE_BENCH_QEMU_PLUGIN_H
#define SLUICE_BENCH_QEMU_PLUGIN_H

#include <stddef.h>

#define QEMU_PLUGIN_VERSION		1
#define QEMU_PLUGIN_INLINE_ADD_U64	0

/* A piece of code that is translated, and run, as a whole. */
struct qemu_plugin_tb;

void qemu_plugin_register_vcpu_tb_trans_cb(unsigned long long id,
					   void (*cb)(unsigned long long id,
						      struct qemu_plugin_tb *tb));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
unsigned long long qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op, void *ptr,
					      unsigned long long imm);

/* The plugin's. */
extern int qemu_plugin_version;
int qemu_plugin_install(unsigned long long id, const void *info, int argc, char **argv);

#endif /* SLUICE_BENCH_QEMU_PLUGIN_H */
