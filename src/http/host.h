/* SPDX-License-Identifier: GPL-2.0 */
/* "uri-host [ : port ]": the Host field and the authority of a target. */
#ifndef SLUICE_HTTP_HOST_H
#define SLUICE_HTTP_HOST_H

#include "http/span.h"

#define HTTP_HOST_MAX	253	/* bytes of a domain name, RFC 1035 section 2.3.4 */

struct http_host {
	struct span	name;		/* with the brackets if it is an IPv6 address */
	u16		port;
	bool		has_port;
};

bool http_host_parse(struct span text, struct http_host *host);

size_t http_host_fold(struct span name, u8 *buf, size_t size);

#endif /* SLUICE_HTTP_HOST_H */
