/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How every head begins, and how it says what becomes of the connection.
 */
#ifndef SLUICE_REPLY_COMMON_H
#define SLUICE_REPLY_COMMON_H

#include <linux/timekeeping.h>

#include "http/date.h"
#include "http/head.h"
#include "sock/lane.h"
#include "store/site.h"

static inline void reply_render_stamp(struct sluice_lane *lane, s64 now,
				      u64 site_id, struct span server)
{
	struct http_writer w;
	u8 date[HTTP_DATE_LEN];

	http_date_format(date, now);
	http_writer_init(&w, lane->stamp, sizeof(lane->stamp));
	if (server.len) {
		http_put_str(&w, "Server: ");
		http_put_span(&w, server);
		http_put_str(&w, "\r\n");
	}
	http_put_str(&w, "Date: ");
	http_put(&w, date, sizeof(date));
	http_put_str(&w, "\r\n");
	lane->stamp_len = w.len;
	lane->stamp_time = now;
	lane->stamp_site = site_id;
}

/* Server and Date lines, made once per second and lane. */
static inline void reply_put_stamp(struct sluice_lane *lane,
				   struct http_writer *w)
{
	s64 now = ktime_get_real_seconds();
	const struct sluice_site *site;

	rcu_read_lock();
	site = sluice_site_peek();
	if (unlikely(site && (now != lane->stamp_time ||
			      site->id != lane->stamp_site)))
		reply_render_stamp(lane, now, site->id,
				   sluice_text_span(&site->server));
	rcu_read_unlock();
	http_put(w, lane->stamp, lane->stamp_len);
}

static inline void reply_begin(struct sluice_lane *lane, struct http_writer *w,
			       u16 status)
{
	http_writer_init(w, lane->reply, SLUICE_LANE_REPLY);
	http_head_start(w, status);
	reply_put_stamp(lane, w);
}

/* Said always, as nginx does: HTTP/1.0 clients need it, others do not mind. */
static inline void reply_put_connection(struct http_writer *w, bool keep_alive)
{
	if (keep_alive)
		http_put_str(w, "Connection: keep-alive\r\n");
	else
		http_put_str(w, "Connection: close\r\n");
}

#endif /* SLUICE_REPLY_COMMON_H */
