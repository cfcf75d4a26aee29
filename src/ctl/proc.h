/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SLUICE_CTL_PROC_H
#define SLUICE_CTL_PROC_H

struct net;
struct sluice_instance;

int sluice_proc_init(struct sluice_instance *instance, struct net *net);
void sluice_proc_exit(struct sluice_instance *instance);

#endif /* SLUICE_CTL_PROC_H */
