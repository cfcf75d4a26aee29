/* SPDX-License-Identifier: GPL-2.0 */
/* Field lines and values that the administrator has written. */
#ifndef SLUICE_HTTP_EXTRA_H
#define SLUICE_HTTP_EXTRA_H

#include "http/head.h"

int http_extra_render(struct http_writer *w, struct span text, struct span *bad) __must_check;
bool http_value_ok(struct span value);

#endif /* SLUICE_HTTP_EXTRA_H */
