/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SLUICE_CTL_PROC_H
#define SLUICE_CTL_PROC_H

int sluice_proc_init(void);
void sluice_proc_exit(void);

#endif /* SLUICE_CTL_PROC_H */
