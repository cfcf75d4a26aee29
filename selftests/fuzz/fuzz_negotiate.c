// SPDX-License-Identifier: GPL-2.0
/* Accept-Encoding: for every choice of siblings in every order, a consistent answer. */

#include "fuzz.h"
#include "http/negotiate.h"

#define NONE	HTTP_CODING_COUNT

/* All orders of all subsets of the codings */
static const u8 offers[][HTTP_CODING_COUNT] = {
	{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
	{ 0, 1, NONE }, { 1, 0, NONE }, { 0, 2, NONE }, { 2, 0, NONE }, { 1, 2, NONE },
	{ 2, 1, NONE }, { 0, NONE, NONE }, { 1, NONE, NONE }, { 2, NONE, NONE },
};

static unsigned int length(const u8 *offer)
{
	unsigned int n = 0;

	while (n < HTTP_CODING_COUNT && offer[n] != NONE)
		n++;
	return n;
}

/* Returns the coding, or NONE. */
static u8 ask(struct span value, const u8 *offer)
{
	unsigned int n = length(offer);
	int choice = http_negotiate(value, offer, n);

	check(choice >= -1 && choice < (int)n);
	return choice < 0 ? NONE : offer[choice];
}

static bool offers_coding(const u8 *offer, u8 coding)
{
	return memchr(offer, coding, length(offer));
}

static ptrdiff_t order_of(const u8 *offer, u8 coding)
{
	return (const u8 *)memchr(offer, coding, HTTP_CODING_COUNT) - offer;
}

static bool is_subset(const u8 *offer, const u8 *whole)
{
	unsigned int i;

	for (i = 0; i < length(offer); i++)
		if (!offers_coding(whole, offer[i]))
			return false;
	return true;
}

/* Is the order of what both have the same? */
static bool same_order(const u8 *offer, const u8 *whole)
{
	const u8 *p = whole;
	unsigned int i;

	for (i = 0; i < length(offer); i++) {
		p = memchr(p, offer[i], whole + HTTP_CODING_COUNT - p);
		if (!p)
			return false;
	}
	return true;
}

/* What is said first counts: refused is refused, and nothing is above a whole one. */
static void check_weights(struct span value)
{
	static u8 list[FUZZ_INPUT_MAX + 16];
	u8 coding;

	for (coding = 0; coding < HTTP_CODING_COUNT; coding++) {
		struct span name = http_coding_name(coding);
		const u8 offer[] = { coding, NONE, NONE };
		struct span longer = { list, name.len + 5 + value.len };

		memcpy(list, name.ptr, name.len);
		memcpy(list + name.len, ";q=0,", 5);
		memcpy(list + name.len + 5, value.ptr, value.len);
		check(ask(longer, offer) == NONE);
		list[name.len + 3] = '1';
		check(ask(longer, offer) == coding);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	static u8 other[FUZZ_INPUT_MAX + 3];
	u8 chosen[ARRAY_SIZE(offers)];
	struct span value;
	size_t i, j;

	if (len > FUZZ_INPUT_MAX)
		return 0;
	value = fuzz_flush(data, len);
	for (i = 0; i < len; i++)
		other[i + 2] = data[i] >= 'a' && data[i] <= 'z' ? data[i] - 0x20 : data[i];
	memcpy(other, ", ", 2);
	other[len + 2] = ',';
	for (i = 0; i < ARRAY_SIZE(offers); i++) {
		chosen[i] = ask(value, offers[i]);
		/* Case does not matter, nor do empty elements. */
		check(ask((struct span){ other, len + 3 }, offers[i]) == chosen[i]);
	}
	for (i = 0; i < ARRAY_SIZE(offers); i++) {
		for (j = 0; j < ARRAY_SIZE(offers); j++) {
			if (!is_subset(offers[j], offers[i]))
				continue;
			/* Between equals it is the order that decides. */
			if (chosen[i] != chosen[j] && length(offers[i]) == length(offers[j]))
				check(order_of(offers[i], chosen[i]) < order_of(offers[i], chosen[j]));
			/* With less to choose from there is nothing new to be had... */
			if (chosen[i] == NONE)
				check(chosen[j] == NONE);
			/* ...and what was best still is, if the order is the same. */
			else if (offers_coding(offers[j], chosen[i]) &&
				 same_order(offers[j], offers[i]))
				check(chosen[j] == chosen[i]);
		}
	}
	check_weights(value);
	check(http_coding_lookup_suffix(value) < HTTP_CODING_COUNT);
	return 0;
}
