/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Connections that are the backend's, and come back when it has answered.
 */
#ifndef SLUICE_CONN_LENT_H
#define SLUICE_CONN_LENT_H

#include <linux/types.h>

#include "base/stats.h"

struct http_request;
struct iov_iter;
struct sluice_conn;
struct sluice_lane;

bool sluice_conn_lent_begin(struct sluice_conn *conn, struct sluice_lane *lane,
			    enum sluice_stat *why);

bool sluice_conn_lent_heard(struct sluice_conn *conn);
void sluice_conn_lent_wrote(struct sluice_conn *conn, struct iov_iter *bytes, size_t len);
enum sluice_stat sluice_conn_lent_closing(struct sluice_conn *conn);
bool sluice_conn_lent_closed(struct sluice_conn *conn);

int sluice_conn_lent_return(struct sluice_conn *conn);
void sluice_conn_lent_served(struct sluice_conn *conn, size_t len);
void sluice_conn_lent_take(struct sluice_conn *conn, const struct http_request *req);
void sluice_conn_lent_keep(struct sluice_conn *conn);
void sluice_conn_lent_turn_over(struct sluice_conn *conn);
int sluice_conn_lent_hold(struct sluice_conn *conn);
int sluice_conn_lent_pass_on(struct sluice_conn *conn);

#endif /* SLUICE_CONN_LENT_H */
