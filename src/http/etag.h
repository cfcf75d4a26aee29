/* SPDX-License-Identifier: GPL-2.0 */
/* Entity tags: nginx's form of them, and comparing with a list. */
#ifndef SLUICE_HTTP_ETAG_H
#define SLUICE_HTTP_ETAG_H

#include "http/span.h"

#define HTTP_ETAG_MAX	35	/* two quotes, a dash, twice 16 hex digits */

size_t http_etag_format(u8 *buf, s64 mtime, u64 size);
bool http_etag_in_list(struct span list, struct span etag, bool weak);

#endif /* SLUICE_HTTP_ETAG_H */
