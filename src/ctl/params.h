/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Module parameters: what an administrator turns.
 */
#ifndef SLUICE_CTL_PARAMS_H
#define SLUICE_CTL_PARAMS_H

int sluice_params_check(void);
int sluice_params_open_site(void);
int sluice_params_open_listeners(void);
void sluice_params_leave(void);
void sluice_params_exit(void);

#endif /* SLUICE_CTL_PARAMS_H */
