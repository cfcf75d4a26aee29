/* SPDX-License-Identifier: GPL-2.0 */
/* What llhttp makes of bytes.  Its header and ours have names in common. */
#ifndef SLUICE_READING_H
#define SLUICE_READING_H

#include "http/span.h"

/**
 * struct reading - what llhttp makes of the first message of an input
 * @error: with which it refuses that, as "HPE_STRICT", or NULL
 * @at: the index of the byte that it refuses
 * @head_len: 0 unless the head is complete, and not refused as a whole
 * @end: bytes of the whole message, 0 unless it is complete
 * @status: of a response
 *
 * The rest is what llhttp knew at the end of the head.
 */
struct reading {
	const char	*error;
	size_t		at;
	size_t		head_len;
	size_t		end;
	u16		status;
	u8		minor;
	bool		chunked;
	bool		keep_alive;
	bool		upgrade;
	u64		content_length;
};

void reading_of(struct span input, struct reading *its);
void reading_of_response(struct span input, bool head_only, struct reading *its);

#endif /* SLUICE_READING_H */
