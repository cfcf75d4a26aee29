/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A name, component by component, with the texts of symlinks put in front of what is left.
 */
#ifndef SLUICE_STORE_STEPS_H
#define SLUICE_STORE_STEPS_H

#include <linux/limits.h>
#include <linux/types.h>

#include "http/span.h"

struct path;

/* More symlinks on one way are too many to remember. */
#define SLUICE_STEPS_LINKS 8

/**
 * struct sluice_steps - a name that is being gone along
 * @rest:  what is left, in @buf, up to its NUL
 * @links: symlinks so far
 * @buf:   the name at its end, room for texts before it
 */
struct sluice_steps {
	char		*rest;
	unsigned int	links;
	char		buf[2 * PATH_MAX];
};

int sluice_steps_begin(struct sluice_steps *steps, const char *name);
bool sluice_steps_next(struct sluice_steps *steps, struct span *name);
int sluice_steps_follow(struct sluice_steps *steps, const struct path *link);

/* How long @steps is still: tells where it is in a name that it began with. */
static inline size_t sluice_steps_left(const struct sluice_steps *steps)
{
	return steps->buf + sizeof(steps->buf) - 1 - steps->rest;
}

static inline bool sluice_steps_is_up(struct span name)
{
	return name.len == 2 && name.ptr[0] == '.' && name.ptr[1] == '.';
}

#endif /* SLUICE_STORE_STEPS_H */
