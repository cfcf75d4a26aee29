/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All settings.
 */
#ifndef SLUICE_CTL_SETTINGS_H
#define SLUICE_CTL_SETTINGS_H

struct setting;
struct sluice_instance;

const struct setting *sluice_setting_at(unsigned int i);
int sluice_setting_set(struct sluice_instance *instance, const struct setting *setting,
		       const char *text);
int sluice_setting_show(struct sluice_instance *instance, const struct setting *setting,
			char *buf);
int sluice_settings_check(struct sluice_instance *instance);

#endif /* SLUICE_CTL_SETTINGS_H */
