/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Changes of settings: all of them, or none.
 */
#ifndef SLUICECTL_CHANGE_H
#define SLUICECTL_CHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "text.h"

/**
 * struct change - of one setting
 * @instance: whose, or NULL
 * @name:     of the setting
 * @value:    that it gets
 * @old:      that it had; NULL: none that could be read
 * @where:    FILE:LINE that says so, or NULL
 * @done:     it was written
 * @err:      the last time it was not
 * @said:     by the kernel, then
 */
struct change {
	char		*instance;
	char		*name;
	char		*value;
	char		*old;
	char		*where;
	bool		done;
	int		err;
	struct text	said;
};

struct changes {
	struct change	*one;
	size_t		count;
};

void changes_add(struct changes *changes, const char *instance, const char *name,
		 const char *value, const char *where);
bool changes_make(struct changes *changes);
bool changes_undo(struct changes *changes);
void changes_free(struct changes *changes);

#endif /* SLUICECTL_CHANGE_H */
