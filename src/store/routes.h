/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which paths are the backend's by their name alone.
 */
#ifndef SLUICE_STORE_ROUTES_H
#define SLUICE_STORE_ROUTES_H

#include "http/span.h"

#define SLUICE_DYNAMIC_DEFAULT \
	".php,.phtml,.phar,.php3,.php4,.php5,.php7,.php8,.inc," \
	".cgi,.fcgi,.pl,.py,.rb,.lua,.sh,.asp,.aspx,.jsp,.jspx,.cfm,.shtml"

bool sluice_routes_is_dynamic(struct span path);
int sluice_routes_set_dynamic(const char *list);
int sluice_routes_show_dynamic(char *buf, size_t size);

void sluice_routes_exit(void);

#endif /* SLUICE_STORE_ROUTES_H */
