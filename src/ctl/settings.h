/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All settings.
 */
#ifndef SLUICE_CTL_SETTINGS_H
#define SLUICE_CTL_SETTINGS_H

extern unsigned int sluice_port;
extern unsigned int sluice_defer_accept;
extern char sluice_address[];

int sluice_settings_check(void);

#endif /* SLUICE_CTL_SETTINGS_H */
