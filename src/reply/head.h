/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How every head begins.
 */
#ifndef SLUICE_REPLY_HEAD_H
#define SLUICE_REPLY_HEAD_H

#include <linux/timekeeping.h>

#include "base/lane.h"
#include "http/date.h"
#include "http/head.h"
#include "store/site.h"

static inline void reply_render_stamp(struct sluice_lane *lane, s64 now,
				      u64 site_id, struct span server)
{
	struct http_writer w;
	u8 date[HTTP_DATE_LEN];

	http_date_format(date, now);
	http_writer_init(&w, lane->stamp, sizeof(lane->stamp));
	http_put_stamp(&w, server, date);
	lane->stamp_len = w.len;
	lane->stamp_time = now;
	lane->stamp_site = site_id;
}

/*
 * Server and Date lines are made once per second and lane.
 * Context: lane, rcu_read_lock(), as for all that builds replies.
 */
static inline void reply_renew_stamp(struct sluice_lane *lane)
{
	s64 now = ktime_get_real_seconds();
	const struct sluice_site *site = lane->site;

	if (unlikely(now != lane->stamp_time || site->id != lane->stamp_site))
		reply_render_stamp(lane, now, site->id,
				   sluice_text_span(&site->server));
}

/* The date in the stamp: right before its last CRLF. */
static inline const u8 *reply_date(const struct sluice_lane *lane)
{
	return lane->stamp + lane->stamp_len - 2 - HTTP_DATE_LEN;
}

static inline void reply_begin(struct sluice_lane *lane, struct http_writer *w,
			       u16 status)
{
	reply_renew_stamp(lane);
	http_writer_init(w, lane->reply, SLUICE_LANE_REPLY);
	http_head_start(w, status);
	http_put(w, lane->stamp, lane->stamp_len);
}

#endif /* SLUICE_REPLY_HEAD_H */
