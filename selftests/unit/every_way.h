/* SPDX-License-Identifier: GPL-2.0 */
/* Parsing one input in all the ways in which it can arrive. */
#ifndef SLUICE_EVERY_WAY_H
#define SLUICE_EVERY_WAY_H

#include "http/parse.h"

ssize_t parse_every_way(const u8 *data, size_t len, size_t max, unsigned int flags,
			struct http_request *req, enum http_error *why);

#endif /* SLUICE_EVERY_WAY_H */
