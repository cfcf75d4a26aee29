/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the targets share.  A target is one function, LLVMFuzzerTestOneInput(): the
 * input is the text that its part of src/http/ reads, and whatever else there is to
 * choose is tried in all variants, so that an input can be read and written by people.
 * check() of unit.h ends the program, which the fuzzer takes for a find.
 */
#ifndef SLUICE_FUZZ_H
#define SLUICE_FUZZ_H

#include "unit.h"

/* Longer inputs find nothing that shorter ones do not; -max_len of the script. */
#define FUZZ_INPUT_MAX	600

int LLVMFuzzerTestOneInput(const u8 *data, size_t len);

/* The same bytes, flush against the guard page.  Valid until the next call. */
static inline struct span fuzz_flush(const u8 *data, size_t len)
{
	return (struct span){ unit_guard_end(data, len), len };
}

static inline bool fuzz_inside(struct span s, struct span whole)
{
	return s.ptr >= whole.ptr && s.len <= whole.len &&
	       (size_t)(s.ptr - whole.ptr) <= whole.len - s.len;
}

#endif /* SLUICE_FUZZ_H */
