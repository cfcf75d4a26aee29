/* SPDX-License-Identifier: GPL-2.0 */
/*
 * 6.7: shrinkers are allocated, and cannot fail to be registered.
 */
#ifndef SLUICE_COMPAT_SHRINKER_H
#define SLUICE_COMPAT_SHRINKER_H

#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/version.h>

typedef unsigned long compat_shrinker_fn(struct shrinker *shrinker,
					 struct shrink_control *control);

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
struct compat_shrinker {
	struct shrinker	shrinker;
	void		*data;
};
#endif

/* What it was started with. */
static inline void *compat_shrinker_data(const struct shrinker *shrinker)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	return shrinker->private_data;
#else
	return container_of(shrinker, struct compat_shrinker, shrinker)->data;
#endif
}

/* Context: process. Return: NULL without memory. */
static inline struct shrinker *compat_shrinker_start(const char *name,
						     compat_shrinker_fn *count,
						     compat_shrinker_fn *scan,
						     void *data)
{
	struct shrinker *shrinker;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	shrinker = shrinker_alloc(0, "%s", name);
	if (!shrinker)
		return NULL;
	shrinker->private_data = data;
#else
	struct compat_shrinker *compat = kzalloc(sizeof(*compat), GFP_KERNEL);

	if (!compat)
		return NULL;
	compat->data = data;
	shrinker = &compat->shrinker;
	shrinker->seeks = DEFAULT_SEEKS;
#endif
	shrinker->count_objects = count;
	shrinker->scan_objects = scan;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	shrinker_register(shrinker);
#else
	if (register_shrinker(shrinker, "%s", name)) {
		kfree(compat);
		return NULL;
	}
#endif
	return shrinker;
}

/* Waits for those that run. Context: process. */
static inline void compat_shrinker_stop(struct shrinker *shrinker)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	shrinker_free(shrinker);
#else
	unregister_shrinker(shrinker);
	kfree(container_of(shrinker, struct compat_shrinker, shrinker));
#endif
}

#endif /* SLUICE_COMPAT_SHRINKER_H */
