/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the pure functions make of a request for one file: the part of an answer
 * that needs no file system and no connection.
 */
#ifndef SLUICE_ANSWER_H
#define SLUICE_ANSWER_H

#include "http/host.h"
#include "http/parse.h"
#include "http/range.h"
#include "http/uri.h"

#define ANSWER_NOW		1732230000LL	/* 21 Nov 2024 */
#define ANSWER_SIBLING_SIZE	100

/**
 * struct place - what the path of a request names in the docroot
 * @kind: "file", "directory", "nothing"...
 * @size: of the file
 * @mtime: of the file, and of its siblings
 * @siblings: "br,gz": which precompressed ones it has
 */
struct place {
	char	kind[16];
	u64	size;
	s64	mtime;
	char	siblings[32];
};

/**
 * struct settings - parameters that are not at their default
 * @precompressed: siblings that are offered, in order
 * @bad_range_416: bad_range=416
 * @standalone: standalone=1
 * @ims_exact: if_modified_since=exact
 */
struct settings {
	const char	*precompressed;
	bool		bad_range_416;
	bool		standalone;
	bool		ims_exact;
};

/**
 * struct answer - to a GET or HEAD of a file that is served
 * @status: 200, 206, 304, 412 or 416
 * @too_many: it is the backend's, because of more ranges than we send
 * @coding: "br", "zstd", "gzip" or "identity"
 * @count: of @ranges
 * @ranges: with 206
 */
struct answer {
	unsigned int		status;
	bool			too_many;
	struct span		coding;
	unsigned int		count;
	struct http_range	ranges[HTTP_RANGES_MAX];
};

void answer(const struct http_request *req, const struct place *place,
	    const struct settings *settings, struct answer *out);

/* Whether sluice gives away, by default, what is @req for @target because of @why. */
bool handed_over(const struct http_request *req, const struct http_target *target,
		 const char *why);
/* The same for any reason that a request alone gives. */
bool handed_over_at_all(const struct http_request *req, const struct http_target *target);

/* The directory of the host that is meant, or "none". */
struct span answer_directory(const struct http_request *req, const struct http_target *target);
/* The type of the path by the table that is built in. */
struct span answer_type(const struct http_target *target);
/* Where a directory without its slash is. */
struct span answer_location(const struct http_target *target);

#endif /* SLUICE_ANSWER_H */
