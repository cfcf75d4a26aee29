/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Connections that are the backend's, and come back when it has answered.
 */
#ifndef SLUICE_CONN_FOLLOW_H
#define SLUICE_CONN_FOLLOW_H

#include <linux/types.h>

#include "sock/stats.h"

struct http_request;
struct iov_iter;
struct sluice_conn;
struct sluice_lane;

bool sluice_follow_begin(struct sluice_conn *conn, struct sluice_lane *lane,
			 enum sluice_stat *why);
void sluice_follow_free(struct sluice_conn *conn);

bool sluice_follow_heard(struct sluice_conn *conn);
void sluice_follow_wrote(struct sluice_conn *conn, struct iov_iter *bytes, size_t len);
enum sluice_stat sluice_follow_closing(struct sluice_conn *conn);
bool sluice_follow_closed(struct sluice_conn *conn);

int sluice_follow_return(struct sluice_conn *conn);
void sluice_follow_served(struct sluice_conn *conn, size_t len);
void sluice_follow_take(struct sluice_conn *conn, const struct http_request *req);
void sluice_follow_keep(struct sluice_conn *conn);
void sluice_follow_turn_over(struct sluice_conn *conn);
int sluice_follow_hold(struct sluice_conn *conn);
int sluice_follow_pass_on(struct sluice_conn *conn);

/* Tunables, see ctl/params.c. */
extern bool sluice_return;
extern bool sluice_take_back;

#endif /* SLUICE_CONN_FOLLOW_H */
