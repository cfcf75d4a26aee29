/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Files of the machine, or of a tree that stands in for it (--root).
 */
#ifndef SLUICECTL_TREE_H
#define SLUICECTL_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "text.h"

#define SYS_MODULE	"/sys/module/sluice"
#define INSTANCES	SYS_MODULE "/instances"

/* What a file of the kernel holds at most that we read; others end with EFBIG. */
#define TREE_FILE_MAX	(16 << 20)

char *tree_path(const char *path);
int tree_open(const char *path, int flags);
int tree_read(const char *path, size_t max, struct text *text);
int tree_write(const char *path, const char *text);
char *tree_line(const char *path);
int tree_mode(const char *path);
bool tree_is_dir(const char *path);
char **tree_list(const char *path, size_t *count);
void free_list(char **list, size_t count);

bool is_loaded(void);

#endif /* SLUICECTL_TREE_H */
