/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SLUICE_CTL_FACE_H
#define SLUICE_CTL_FACE_H

int sluice_face_init(void);
void sluice_face_close(void);
void sluice_face_exit(void);

#endif /* SLUICE_CTL_FACE_H */
