/* SPDX-License-Identifier: GPL-2.0 */
/* What must hold for every input, whoever makes it up. */
#ifndef SLUICE_PROMISES_H
#define SLUICE_PROMISES_H

#include "http/parse.h"

/* Of a request that http_parse() accepted: its framing, and its conditions. */
void promise_request(const struct http_request *req);

/* Of its target: refused, or resolved to a clean path that stands a round trip. */
void promise_target(const struct http_request *req);

/* Of bytes that the strict made @strict of: a head without a bare LF is the same. */
void promise_lenient(const u8 *buf, size_t len, ssize_t strict);

#endif /* SLUICE_PROMISES_H */
