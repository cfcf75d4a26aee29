/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Files that are compressed once, and sent so from then on.
 */
#ifndef SLUICE_STORE_ZIP_H
#define SLUICE_STORE_ZIP_H

#include <linux/fs.h>
#include <linux/kconfig.h>

#include "http/span.h"
#include "store/object.h"

struct sluice_site;

/*
 * Of a module the symbols could only be needed, and then not even a site without gzip would
 * be served where it is not loaded: symbol_get() does not give what is not EXPORT_SYMBOL_GPL.
 */
static inline bool sluice_zip_is_built_in(void)
{
	return IS_BUILTIN(CONFIG_ZLIB_DEFLATE);
}

bool sluice_zip_suits(const struct sluice_site *site, struct span name, const struct file *file);
void sluice_zip_prepare(struct sluice_object *obj);
struct sluice_object *sluice_zip_choose(struct sluice_object *obj);

/* Whether it is compressed or not, it stays so. Context: any; the caller holds @obj. */
static inline bool sluice_zip_is_settled(const struct sluice_object *obj)
{
	return READ_ONCE(obj->zip->settled);
}

#endif /* SLUICE_STORE_ZIP_H */
