// SPDX-License-Identifier: GPL-2.0
/*
 * Why requests are not served here.
 *
 * What clients send is kept as it came, and escaped where it is shown: nothing of it ends a
 * line, or a quotation.  Memory is bounded, and so is what the log gets: a line for each kind.
 */
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "base/handovers.h"

/* As they are shown: at worst each byte takes three, and there are dots and a NUL. */
#define SHOWN_SIZE (3 * SLUICE_HANDOVER_TEXT + 4)

/* Of one reason those with an error come first: the first that fits is it. */
static const struct {
	enum sluice_stat	why;
	int			err;
	const char		*hint;
} kinds[] = {
	{ SLUICE_STAT_HANDED_OVER_METHOD, 0, "not GET or HEAD" },
	{ SLUICE_STAT_HANDED_OVER_TARGET, 0, "such a target names no file" },
	{ SLUICE_STAT_HANDED_OVER_QUERY, 0, "a query, and query=handover" },
	{ SLUICE_STAT_HANDED_OVER_BODY, 0,
		"a body that is large, of unknown length, or of another method"
	},
	{ SLUICE_STAT_HANDED_OVER_EXPECT, 0, "Expect; see backend_files" },
	{ SLUICE_STAT_HANDED_OVER_UPGRADE, 0, "Upgrade, or HTTP/2; see backend_files" },
	{ SLUICE_STAT_HANDED_OVER_RANGE, 0, "more than 64 ranges; see backend_files" },
	{ SLUICE_STAT_HANDED_OVER_FIELDS, 0, "a precondition on several lines; see backend_files" },
	{ SLUICE_STAT_HANDED_OVER_AUTHORIZATION, 0,
		"credentials; see authorization and backend_files"
	},
	{ SLUICE_STAT_HANDED_OVER_MALFORMED, 0, "not HTTP/1, or malformed" },
	{ SLUICE_STAT_HANDED_OVER_NOT_FOUND, 0, "no such file below docroot" },
	{ SLUICE_STAT_HANDED_OVER_FORBIDDEN, -EXDEV,
		"by a symlink that is not followed; see symlinks"
	},
	{ SLUICE_STAT_HANDED_OVER_FORBIDDEN, -EPERM,
		"the file's mode; see mode_required and mode_forbidden"
	},
	{ SLUICE_STAT_HANDED_OVER_FORBIDDEN, -EKEYREJECTED,
		"a security module, as SELinux or AppArmor, does not let it be read"
	},
	{ SLUICE_STAT_HANDED_OVER_FORBIDDEN, 0,
		"not readable for the user of run_as, or a directory on the way not passable"
	},
	{ SLUICE_STAT_HANDED_OVER_DIRECTORY, 0, "a directory without a file of index" },
	{ SLUICE_STAT_HANDED_OVER_FILESYSTEM, 0, "on a file system that is not served" },
	{ SLUICE_STAT_HANDED_OVER_DYNAMIC, -ETXTBSY,
		"the file may be executed; chmod a-x, or see mode_forbidden"
	},
	{ SLUICE_STAT_HANDED_OVER_DYNAMIC, 0,
		"a program by its name; see dynamic_suffix and dynamic_prefix"
	},
	{ SLUICE_STAT_HANDED_OVER_HIDDEN, 0, "a name that begins with a dot; see hide_dot" },
	{ SLUICE_STAT_HANDED_OVER_URGENT, 0, "TCP urgent data" },
	{ SLUICE_STAT_HANDED_OVER_LIMIT, 0, "out of memory, or too many lookups at a time" },
	{ SLUICE_STAT_HANDED_OVER_LAST, 0,
		"the last request of a connection that came back; see backend_files"
	},
	{ SLUICE_STAT_HANDED_OVER_WATCHED, 0,
		"somebody wants to be asked before it is read (fanotify)"
	},
	{ SLUICE_STAT_HANDED_OVER_HTACCESS, 0, "a .htaccess on the way; see htaccess" },
	{ SLUICE_STAT_HANDED_OVER_UNZIPPED, 0, "not compressed yet; see gzip_unready" },
	{ SLUICE_STAT_CONNECTIONS_OVER_LIMIT, 0, "more than max_connections" },
	{ SLUICE_STAT_CONNECTIONS_PASSED_THROUGH, 0, "pass_through=1" },
};

static_assert(ARRAY_SIZE(kinds) <= SLUICE_HANDOVER_KINDS);

static unsigned int kind_of(enum sluice_stat why, long err)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds) - 1; i++)
		if (kinds[i].why == why && (!kinds[i].err || kinds[i].err == err))
			break;
	return i;
}

/*
 * As URIs have it: printable ASCII as it is, but for what could be taken for an escape or an
 * end.  A "%" is the client's own; it stands for the same.
 */
static const char *escape(char shown[SHOWN_SIZE], const struct sluice_handover *handover)
{
	static const char digits[] = "0123456789ABCDEF";
	char *to = shown;
	unsigned int i;

	for (i = 0; i < handover->len; i++) {
		u8 c = handover->text[i];

		if (c >= ' ' && c < 0x7f && c != '"' && c != '\\') {
			*to++ = c;
			continue;
		}
		*to++ = '%';
		*to++ = digits[c >> 4];
		*to++ = digits[c & 15];
	}
	strscpy(to, handover->cut ? "..." : "", shown + SHOWN_SIZE - to);
	return shown;
}

/* Context: process. Return: for kfree(); NULL without memory. */
struct sluice_handovers *sluice_handovers_create(const char *prefix)
{
	struct sluice_handovers *handovers = kzalloc(sizeof(*handovers), GFP_KERNEL);

	if (!handovers)
		return NULL;
	spin_lock_init(&handovers->lock);
	handovers->prefix = prefix;
	return handovers;
}

static void put(struct sluice_handover *handover, struct span text)
{
	size_t len = min(text.len, sizeof(handover->text) - handover->len);

	memcpy(handover->text + handover->len, text.ptr, len);
	handover->len += len;
	handover->cut = len < text.len;
}

/* What stands behind a "?" may be a secret, and decides nothing. */
static struct span without_query(struct span target)
{
	const u8 *query = target.len ? memchr(target.ptr, '?', target.len) : NULL;

	return query ? span_make(target.ptr, query) : target;
}

static void fill(struct sluice_handover *handover, unsigned int kind, struct span method,
		 struct span target)
{
	handover->at = ktime_get_boottime_seconds();
	handover->kind = kind;
	handover->len = 0;
	put(handover, method);
	if (target.len) {
		put(handover, SPAN(" "));
		put(handover, without_query(target));
	}
}

/* A site that is all dynamic pages does not meet at this lock: one of a kind in a jiffy will do. */
static bool is_time(struct sluice_handovers *handovers, unsigned int kind)
{
	unsigned long now = jiffies;

	if (READ_ONCE(handovers->noted[kind]) == now)
		return false;
	WRITE_ONCE(handovers->noted[kind], now);
	return true;
}

/* Return: true if nobody has said so of that kind. */
static bool keep(struct sluice_handovers *handovers, struct sluice_handover *handover, bool say)
{
	bool is_first;

	spin_lock_bh(&handovers->lock);
	handovers->kept[handovers->count++ % SLUICE_HANDOVERS_KEPT] = *handover;
	is_first = say && !__test_and_set_bit(handover->kind, handovers->said);
	spin_unlock_bh(&handovers->lock);
	return is_first;
}

/**
 * sluice_handovers_note() - a request is not served
 * @handovers: of the instance
 * @why:    counter of the reason
 * @err:    what there is instead of a file, or 0
 * @method: as it came; empty if nobody has looked at the request
 * @target: likewise
 * @say:    in the log, too, if it is the first of its kind
 *
 * Of each kind one in a jiffy at most.
 * Context: any.
 */
void sluice_handovers_note(struct sluice_handovers *handovers, enum sluice_stat why, long err,
			   struct span method, struct span target, bool say)
{
	struct sluice_handover handover __uninitialized;
	char shown[SHOWN_SIZE] __uninitialized;
	unsigned int kind = kind_of(why, err);

	if (!is_time(handovers, kind))
		return;
	fill(&handover, kind, method, target);
	if (keep(handovers, &handover, say))
		pr_info("%snot served: \"%s\": %s: %s (the first of these; more in /proc/net/sluice/handovers)\n",
			handovers->prefix, escape(shown, &handover), sluice_stat_names[why],
			kinds[handover.kind].hint);
}

static void show(struct seq_file *seq, const struct sluice_handover *handover, time64_t now)
{
	char shown[SHOWN_SIZE] __uninitialized;

	seq_printf(seq, "%lld %s \"%s\" %s\n", now - handover->at,
		   sluice_stat_names[kinds[handover->kind].why], escape(shown, handover),
		   kinds[handover->kind].hint);
}

/* The last first: seconds ago, reason, request, hint. Context: process. */
void sluice_handovers_show(struct sluice_handovers *handovers, struct seq_file *seq)
{
	time64_t now = ktime_get_boottime_seconds();
	unsigned int i, count;

	spin_lock_bh(&handovers->lock);
	count = min_t(unsigned int, handovers->count, SLUICE_HANDOVERS_KEPT);
	for (i = 1; i <= count; i++)
		show(seq, &handovers->kept[(handovers->count - i) % SLUICE_HANDOVERS_KEPT], now);
	spin_unlock_bh(&handovers->lock);
}
