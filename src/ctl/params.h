/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Module parameters: what an administrator turns.
 */
#ifndef SLUICE_CTL_PARAMS_H
#define SLUICE_CTL_PARAMS_H

/*
 * The files in sysfs are there before init and after exit, so setters must know.
 * Under the parameter lock, as is all that they set.
 */
enum sluice_phase {
	SLUICE_LOADING,		/* a setter only remembers */
	SLUICE_LIVE,		/* it acts */
	SLUICE_LEAVING,		/* there is nothing to act on any more: -ENODEV */
};

extern enum sluice_phase sluice_phase;
extern unsigned int sluice_run_as;

int sluice_params_check(void);
int sluice_params_open_site(void);
int sluice_params_open_listeners(void);
void sluice_params_leave(void);
void sluice_params_exit(void);

#endif /* SLUICE_CTL_PARAMS_H */
