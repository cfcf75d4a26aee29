/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How instances begin and end.
 */
#ifndef SLUICE_CTL_LIFE_H
#define SLUICE_CTL_LIFE_H

struct net;
struct sluice_instance;

int sluice_instances_init(struct net *net);
void sluice_instances_exit(void);

struct sluice_instance *sluice_instance_create(const char *name, struct net *net);
int sluice_instance_add(struct sluice_instance *instance);
int sluice_instance_doom(const char *name);

int sluice_instance_begin(struct sluice_instance *instance);
void sluice_instance_end(struct sluice_instance *instance);
int sluice_instance_set_net(struct sluice_instance *instance, struct net *net);
int sluice_instance_show_net(struct sluice_instance *instance, char *buf);

#endif /* SLUICE_CTL_LIFE_H */
