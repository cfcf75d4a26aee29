/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which paths are the backend's by their name alone.
 */
#ifndef SLUICE_STORE_ROUTES_H
#define SLUICE_STORE_ROUTES_H

#include "http/span.h"

struct sluice_site;
struct sluice_words;

/* Scripts: served as files they would show their source, passwords included. */
#define SLUICE_DYNAMIC_SUFFIX_DEFAULT \
	".php,.phtml,.phar,.php3,.php4,.php5,.php7,.php8,.inc," \
	".cgi,.fcgi,.pl,.py,.rb,.lua,.sh,.asp,.aspx,.jsp,.jspx,.cfm,.shtml"

bool sluice_routes_are_suffixes(const struct sluice_words *words);
bool sluice_routes_are_prefixes(const struct sluice_words *words);

bool sluice_routes_is_dynamic(const struct sluice_site *site,
			      struct span path);
bool sluice_routes_is_hidden(const struct sluice_site *site, struct span path);

#endif /* SLUICE_STORE_ROUTES_H */
