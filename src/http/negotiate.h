/* SPDX-License-Identifier: GPL-2.0 */
/* Content codings: which of the precompressed siblings a client gets. */
#ifndef SLUICE_HTTP_NEGOTIATE_H
#define SLUICE_HTTP_NEGOTIATE_H

#include "http/span.h"

enum http_coding {
	HTTP_CODING_BR,
	HTTP_CODING_ZSTD,
	HTTP_CODING_GZIP,
	HTTP_CODING_COUNT,
};

struct span http_coding_name(enum http_coding coding);
struct span http_coding_suffix(enum http_coding coding);
int http_coding_lookup_suffix(struct span text);
int http_negotiate(struct span accept_encoding, const u8 *offered, unsigned int count);

#endif /* SLUICE_HTTP_NEGOTIATE_H */
