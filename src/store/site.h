/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The site: everything that decides which file a request means, what is said about
 * it, and who answers.
 *
 * One snapshot, replaced whole: nobody sees half a change, and a request that looks
 * at one site goes by all of it.  If the change moves objects the new site has a new
 * id, and what was remembered under another id is not found any more.  So no cache can
 * hold what an old setting led to.
 */
#ifndef SLUICE_STORE_SITE_H
#define SLUICE_STORE_SITE_H

#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/types.h>

#include "http/negotiate.h"
#include "http/span.h"
#include "store/store.h"

struct sluice_docroot;
struct sluice_types;

#define SLUICE_WORDS_MAX	64
#define SLUICE_TEXT_MAX		1024
#define SLUICE_NAME_MAX		256

/**
 * struct sluice_text - a setting that is one text
 * @len: bytes of @buf without its NUL
 * @buf: as it was set, without the newline of an echo
 */
struct sluice_text {
	u16	len;
	char	buf[SLUICE_NAME_MAX];
};

/**
 * struct sluice_words - a setting that is a list
 * @count: of @word
 * @word:  places in @text
 * @text:  as it was set, commas between the words
 */
struct sluice_words {
	u16	count;
	struct {
		u16	off;
		u16	len;
	}	word[SLUICE_WORDS_MAX];
	char	text[SLUICE_TEXT_MAX];
};

static inline struct span sluice_text_span(const struct sluice_text *text)
{
	return (struct span){ (const u8 *)text->buf, text->len };
}

static inline struct span sluice_word(const struct sluice_words *words,
				      unsigned int i)
{
	return (struct span){ (const u8 *)words->text + words->word[i].off,
			      words->word[i].len };
}

enum sluice_symlinks {
	SLUICE_SYMLINKS_BENEATH,	/* that stay below the docroot */
	SLUICE_SYMLINKS_NONE,
	SLUICE_SYMLINKS_ANY,
};

/**
 * struct sluice_site - the settings of a site
 * @ref:  the current site has one, each lookup one while it runs
 * @rcu:  for freeing
 * @id:   of all sites that mean the same files, and say the same of them; never used again
 * @store: const: whose it is
 * @docroot: counted; NULL before the module is loaded
 * @types: counted; likewise
 * @docroot_name: as it was set
 * @docroot_pin: it stays the directory that it was then
 * @index: names that stand for a directory, in order
 * @dynamic_prefix: paths that begin so are the backend's
 * @dynamic_suffix: so are names that end so
 * @codings: of @coding
 * @coding: precompressed siblings to look for, the preferred first
 * @precompressed: the same as it was set
 * @charset: for textual types, may be empty
 * @cache_control: likewise
 * @server: likewise
 * @default_host: directory of the hosts that have none
 * @page_404: path of the body of a 404, or empty
 * @add_header: as it was set
 * @extra_len: bytes of @extra
 * @extra: the same as lines of a head
 * @mode_required: permission bits that a file must have
 * @mode_forbidden: of which it may have none
 * @symlinks: which are followed
 * @vhosts: the first component of each path is the host's directory
 * @hide_dot: names that begin with a dot are the backend's
 * @gzip: files are compressed, once
 * @gzip_min_length: those of so many bytes at least
 * @gzip_comp_level: of zlib
 * @gzip_types: of these types
 * @htaccess: so is what is below a directory with a .htaccess
 *
 * Of each request, and no matter of @id:
 *
 * @strict: malformed requests are answered by us
 * @standalone: there is no backend
 * @backend_files: it has the files, too
 * @lenient: a bare LF ends a line
 * @proxy_protocol: a PROXY header in front is the backend's
 * @query_handover: so are requests with a query
 * @authorization_serve: requests with credentials are not
 * @options_self: OPTIONS is not
 * @since_exact: 304 only for the very date of the file
 * @bad_range_refuse: ranges that are none are answered 416
 * @returns: connections are lent
 * @take_back: and kept when the backend closes them idle
 * @gzip_unready: till it is done they are the backend's
 * @max_head_size: bytes of a request head
 * @backend_port: who gets the rest; 0: nobody
 * @backend_uid: who must have opened that, or SLUICE_ANY_UID
 *
 * Immutable once published.
 */
struct sluice_site {
	refcount_t		ref;
	struct rcu_head		rcu;
	u64			id;
	struct sluice_store	*store;
	struct sluice_docroot	*docroot;
	struct sluice_types	*types;

	bool			strict;
	bool			standalone;
	bool			backend_files;
	bool			lenient;
	bool			proxy_protocol;
	bool			query_handover;
	bool			authorization_serve;
	bool			options_self;
	bool			since_exact;
	bool			bad_range_refuse;
	bool			returns;
	bool			take_back;
	bool			gzip_unready;
	unsigned int		max_head_size;
	unsigned int		backend_port;
	unsigned int		backend_uid;

	char			docroot_name[SLUICE_TEXT_MAX];
	bool			docroot_pin;
	struct sluice_words	index;
	struct sluice_words	dynamic_prefix;
	struct sluice_words	dynamic_suffix;
	unsigned int		codings;
	u8			coding[HTTP_CODING_COUNT];
	struct sluice_words	precompressed;
	struct sluice_text	charset;
	struct sluice_text	cache_control;
	struct sluice_text	server;
	struct sluice_text	default_host;
	struct sluice_text	page_404;
	char			add_header[SLUICE_TEXT_MAX];
	size_t			extra_len;
	u8			extra[SLUICE_TEXT_MAX + 64];
	unsigned int		mode_required;
	unsigned int		mode_forbidden;
	enum sluice_symlinks	symlinks;
	bool			vhosts;
	bool			hide_dot;
	bool			htaccess;
	bool			gzip;
	unsigned int		gzip_min_length;
	unsigned int		gzip_comp_level;
	struct sluice_words	gzip_types;
};

/*
 * The current site of a store. Context: rcu_read_lock(), softirq too.
 * Return: NULL on the way in and out: before the first listener listens, and when the last
 * connection is gone.
 */
static inline const struct sluice_site *sluice_site_peek(const struct sluice_store *store)
{
	return rcu_dereference(store->site);
}

struct sluice_site * __must_check sluice_site_get(struct sluice_store *store);
struct sluice_site * __must_check sluice_site_copy(const struct sluice_site *site);
void sluice_site_renew(struct sluice_site *site);
void sluice_site_put(struct sluice_site *site);
void sluice_site_publish(struct sluice_store *store, struct sluice_site *site);

int sluice_words_parse(struct sluice_words *words, const char *text);

#endif /* SLUICE_STORE_SITE_H */
