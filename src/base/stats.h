/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every number that a user reads: per-CPU counters, one enum, one name table.
 *
 * Shown as "key value" lines in /proc/net/sluice/stats.  Keys are a contract:
 * add at the end of a group, never rename.
 */
#ifndef SLUICE_BASE_STATS_H
#define SLUICE_BASE_STATS_H

#include <linux/atomic.h>
#include <linux/percpu.h>
#include <linux/types.h>

#define SLUICE_STATS(X)							\
	/* connections */						\
	X(CONNECTIONS_ACCEPTED,		"connections_accepted")		\
	X(CONNECTIONS_CLOSED,		"connections_closed")		\
	X(CONNECTIONS_HANDED_OVER,	"connections_handed_over")	\
	X(CONNECTIONS_OVER_LIMIT,	"connections_over_limit")	\
	X(CONNECTIONS_REFUSED,		"connections_refused")		\
	X(CONNECTIONS_ABORTED,		"connections_aborted")		\
	X(CONNECTIONS_PASSED_THROUGH,	"connections_passed_through")	\
	X(CONNECTIONS_OVER_CLIENT_LIMIT, "connections_over_client_limit") \
	X(CONNECTIONS_LEFT,		"connections_left")		\
	/* listening sockets */						\
	X(LISTENERS_LOST,		"listeners_lost")		\
	X(LISTENERS_REOPENED,		"listeners_reopened")		\
	/* requests by outcome */					\
	X(REQUESTS,			"requests")			\
	X(SERVED,			"served")			\
	X(PARTIAL,			"partial")			\
	X(NOT_MODIFIED,			"not_modified")			\
	X(REDIRECTED,			"redirected")			\
	X(OPTIONS_ANSWERED,		"options_answered")		\
	X(HANDED_OVER,			"handed_over")			\
	X(ERRORS,			"errors")			\
	X(BYTES_SENT,			"bytes_sent")			\
	/* why a request went to the backend */				\
	X(HANDED_OVER_METHOD,		"handed_over_method")		\
	X(HANDED_OVER_TARGET,		"handed_over_target")		\
	X(HANDED_OVER_QUERY,		"handed_over_query")		\
	X(HANDED_OVER_BODY,		"handed_over_body")		\
	X(HANDED_OVER_EXPECT,		"handed_over_expect")		\
	X(HANDED_OVER_UPGRADE,		"handed_over_upgrade")		\
	X(HANDED_OVER_RANGE,		"handed_over_range")		\
	X(HANDED_OVER_FIELDS,		"handed_over_fields")		\
	X(HANDED_OVER_AUTHORIZATION,	"handed_over_authorization")	\
	X(HANDED_OVER_MALFORMED,	"handed_over_malformed")	\
	X(HANDED_OVER_NOT_FOUND,	"handed_over_not_found")	\
	X(HANDED_OVER_FORBIDDEN,	"handed_over_forbidden")	\
	X(HANDED_OVER_DIRECTORY,	"handed_over_directory")	\
	X(HANDED_OVER_FILESYSTEM,	"handed_over_filesystem")	\
	X(HANDED_OVER_DYNAMIC,		"handed_over_dynamic")		\
	X(HANDED_OVER_HIDDEN,		"handed_over_hidden")		\
	X(HANDED_OVER_URGENT,		"handed_over_urgent")		\
	X(HANDED_OVER_LIMIT,		"handed_over_limit")		\
	X(HANDED_OVER_LAST,		"handed_over_last")		\
	X(HANDED_OVER_WATCHED,		"handed_over_watched")		\
	X(HANDED_OVER_HTACCESS,		"handed_over_htaccess")		\
	X(HANDED_OVER_UNZIPPED,		"handed_over_unzipped")		\
	/* errors that sluice answered, by status */			\
	X(ERROR_400,			"error_400")			\
	X(ERROR_403,			"error_403")			\
	X(ERROR_404,			"error_404")			\
	X(ERROR_405,			"error_405")			\
	X(ERROR_412,			"error_412")			\
	X(ERROR_413,			"error_413")			\
	X(ERROR_414,			"error_414")			\
	X(ERROR_416,			"error_416")			\
	X(ERROR_431,			"error_431")			\
	X(ERROR_501,			"error_501")			\
	X(ERROR_503,			"error_503")			\
	X(ERROR_505,			"error_505")			\
	/* why the backend could not be given a connection */		\
	X(BACKEND_ABSENT,		"backend_absent")		\
	X(BACKEND_FULL,			"backend_full")			\
	X(BACKEND_UNTRUSTED,		"backend_untrusted")		\
	X(BACKEND_FAMILY,		"backend_family")		\
	/* deadlines that passed */					\
	X(TIMEOUT_HEADER,		"timeout_header")		\
	X(TIMEOUT_BODY,			"timeout_body")			\
	X(TIMEOUT_KEEPALIVE,		"timeout_keepalive")		\
	X(TIMEOUT_SEND,			"timeout_send")			\
	/* store */							\
	X(CACHE_HITS,			"cache_hits")			\
	X(CACHE_MISSES,			"cache_misses")			\
	X(CACHE_STALE,			"cache_stale")			\
	X(LOOKUPS,			"lookups")			\
	X(SIBLINGS_STALE,		"siblings_stale")		\
	X(FILLS,			"fills")			\
	X(PAGES_COPIED,			"pages_copied")			\
	X(FILES_TRUNCATED,		"files_truncated")		\
	X(CACHE_HITS_ABSENT,		"cache_hits_absent")		\
	X(CACHE_EVICTED,		"cache_evicted")		\
	X(CACHE_SHRUNK,			"cache_shrunk")			\
	X(LOOKUPS_SHARED,		"lookups_shared")		\
	X(MOUNTED_ELSEWHERE,		"mounted_elsewhere")		\
	X(ZIPPED,			"zipped")			\
	X(ZIPS_USELESS,			"zips_useless")			\
	X(ZIPS_OVER_LIMIT,		"zips_over_limit")		\
	X(ZIPS_FAILED,			"zips_failed")			\
	X(SERVED_ZIPPED,		"served_zipped")		\
	/* connections that come back */				\
	X(CONNECTIONS_LENT,		"connections_lent")		\
	X(RETURNS,			"returns")			\
	X(SERVED_RETURNED,		"served_returned")		\
	X(TAKEN_BACK,			"taken_back")			\
	X(RESCUED,			"rescued")			\
	/* why they do not any more */					\
	X(LEFT_UPGRADE,			"left_upgrade")			\
	X(LEFT_LAST,			"left_last")			\
	X(LEFT_UNFRAMED,		"left_unframed")		\
	X(LEFT_MALFORMED,		"left_malformed")		\
	X(LEFT_UNASKED,			"left_unasked")			\
	X(LEFT_TOO_MANY,		"left_too_many")		\
	X(LEFT_LOST,			"left_lost")			\
	X(LEFT_URGENT,			"left_urgent")			\
	X(LEFT_OPTION,			"left_option")			\
	X(LEFT_SHUTDOWN,		"left_shutdown")		\
	X(LEFT_CLOSED,			"left_closed")			\
	X(LEFT_OFF,			"left_off")			\
	/* what cannot be */						\
	X(INVARIANTS_BROKEN,		"invariants_broken")		\
	/* live objects: born minus freed, summed over the CPUs */	\
	X(LIVE_CONNECTIONS,		"live_connections")		\
	X(LIVE_OBJECTS,			"live_objects")			\
	X(OUT_OF_MEMORY,		"out_of_memory")		\
	X(LIVE_CACHE_BYTES,		"live_cache_bytes")		\
	X(LIVE_CLIENTS,			"live_clients")			\
	X(LIVE_ATTACHED,		"live_attached")		\
	X(LIVE_ZIPPED_BYTES,		"live_zipped_bytes")

enum sluice_stat {
#define X(id, name) SLUICE_STAT_##id,
	SLUICE_STATS(X)
#undef X
	SLUICE_STAT_COUNT
};

/**
 * struct sluice_stats - the counters of an instance, per CPU
 * @count: by enum sluice_stat
 */
struct sluice_stats {
	u64	count[SLUICE_STAT_COUNT];
};

/* Context: any. One instruction on the local CPU's counter. */
static inline void sluice_stat_add(struct sluice_stats __percpu *stats,
				   enum sluice_stat stat, s64 n)
{
	this_cpu_add(stats->count[stat], n);
}

static inline void sluice_stat_inc(struct sluice_stats __percpu *stats,
				   enum sluice_stat stat)
{
	this_cpu_inc(stats->count[stat]);
}

int sluice_stats_init(struct sluice_stats __percpu **stats);
void sluice_stats_exit(struct sluice_stats __percpu **stats);
void sluice_stats_sum(struct sluice_stats __percpu *stats, u64 *sums);

/* A broken invariant is no instance's, and shown in each. */
extern atomic_t sluice_invariants_broken;

extern const char *const sluice_stat_names[SLUICE_STAT_COUNT];

#endif /* SLUICE_BASE_STATS_H */
