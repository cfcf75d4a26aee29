/* SPDX-License-Identifier: GPL-2.0 */
/* Media types by file name extension. */
#ifndef SLUICE_HTTP_MIME_H
#define SLUICE_HTTP_MIME_H

#include "http/span.h"

struct span http_mime_type(struct span path);

#endif /* SLUICE_HTTP_MIME_H */
