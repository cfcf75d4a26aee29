// SPDX-License-Identifier: GPL-2.0

#include "http/negotiate.h"
#include "unit.h"

#define ALL	"bzg"	/* br, zstd and gzip, in this order of preference */

static size_t to_codings(const char *letters, u8 *offered)
{
	size_t n;

	for (n = 0; letters[n]; n++)
		offered[n] = letters[n] == 'b' ? HTTP_CODING_BR :
			     letters[n] == 'z' ? HTTP_CODING_ZSTD : HTTP_CODING_GZIP;
	return n;
}

/* Returns the letter of what was chosen, "-" for the file as it is. */
static char negotiate(const char *value, size_t len, const char *letters)
{
	struct span text = { unit_guard_end(value, len), len };
	u8 codings[16];
	size_t n = to_codings(letters, codings);
	u8 *offered = unit_guard_start(codings, n);
	int choice = http_negotiate(text, offered, n);

	text.ptr = (const u8 *)value;
	offered = unit_guard_end(codings, n);
	check(http_negotiate(text, offered, n) == choice);
	if (!check(choice >= -1 && choice < (int)n))
		return '?';
	return choice < 0 ? '-' : letters[choice];
}

/* The value of Accept-Encoding, what there is, what is chosen. */
static const struct {
	const char	*value;
	const char	*offered;
	char		want;
} rows[] = {
	{ "gzip", ALL, 'g' },
	{ "gzip, deflate, br, zstd", ALL, 'b' },
	{ "gzip, deflate, br, zstd", "zgb", 'z' },
	{ "gzip, deflate, br, zstd", "g", 'g' },
	{ "gzip, deflate, br, zstd", "", '-' },
	{ "br;q=0.5, gzip;q=0.8", ALL, 'g' },
	{ "gzip;q=0.5, zstd;q=0.5, br;q=0.5", ALL, 'b' },
	{ "gzip;q=0.5, zstd;q=0.5, br;q=0.5", "gzb", 'g' },
	{ "br;q=0.999, zstd;q=1.000, gzip;q=0.99", ALL, 'z' },
	{ "br;q=0.9, zstd;q=0.99, gzip;q=0.999", ALL, 'g' },
	{ "br;q=0.001", ALL, 'b' },
	{ "GZIP", ALL, 'g' },
	{ "x-gzip", ALL, 'g' },
	{ "X-GZip;Q=0.3", ALL, 'g' },
	{ "gzip", "bz", '-' },
	{ "deflate, compress", ALL, '-' },
	{ "", ALL, '-' },
	{ ",", ALL, '-' },
	{ " , ,gzip, ", ALL, 'g' },
	{ "gzip\t;\tq=0.5", ALL, 'g' },

	/* not acceptable */
	{ "gzip;q=0", ALL, '-' },
	{ "gzip;q=0.0", ALL, '-' },
	{ "gzip;q=0.000", ALL, '-' },
	{ "br;q=0, gzip;q=0.1", ALL, 'g' },
	{ "br;q=0, gzip;q=0, zstd;q=0", ALL, '-' },
	{ "identity;q=0", ALL, '-' },
	{ "identity;q=0, gzip;q=0", ALL, '-' },

	/* the file as it is, if it is asked for */
	{ "identity", ALL, '-' },
	{ "identity, gzip", ALL, 'g' },
	{ "identity, gzip;q=0.9", ALL, '-' },
	{ "gzip;q=0.5, identity;q=0.6", ALL, '-' },
	{ "gzip;q=0.5, identity;q=0.5", ALL, 'g' },
	{ "gzip;q=0.5, IDENTITY;q=0.501", ALL, '-' },
	{ "gzip;q=0.5, identity;q=0.4, br;q=0.1", ALL, 'g' },
	{ "gzip;q=0.5, identity;q=0.4, br;q=0.1", "b", '-' },
	{ "identity;q=0, br;q=0.001", ALL, 'b' },

	/* a star chooses nothing */
	{ "*", ALL, '-' },
	{ "*;q=1", ALL, '-' },
	{ "*, gzip;q=0.1", ALL, 'g' },
	{ "gzip;q=0, *", ALL, '-' },
	{ "*;q=0", ALL, '-' },
	{ "*;q=0, gzip", ALL, 'g' },

	/* the first time counts */
	{ "gzip;q=0, gzip", ALL, '-' },
	{ "gzip, gzip;q=0", ALL, 'g' },
	{ "x-gzip;q=0, gzip", ALL, '-' },
	{ "gzip;q=x, gzip", ALL, 'g' },
	{ "identity;q=0.1, identity, gzip;q=0.5", ALL, 'g' },

	/* malformed: passed over, with the rest still read */
	{ "gzip;q=", ALL, '-' },
	{ "gzip;q=2", ALL, '-' },
	{ "gzip;q=1.001", ALL, '-' },
	{ "gzip;q=1.1", ALL, '-' },
	{ "gzip;q=0.1234", ALL, '-' },
	{ "gzip;q=1.0000", ALL, '-' },
	{ "gzip;q=.5", ALL, '-' },
	{ "gzip;q=00.5", ALL, '-' },
	{ "gzip;q=01", ALL, '-' },
	{ "gzip;q=0,5", ALL, '-' },
	{ "gzip;q=0.x", ALL, '-' },
	{ "gzip;q=-1", ALL, '-' },
	{ "gzip;q=+1", ALL, '-' },
	{ "gzip;q=1e0", ALL, '-' },
	{ "gzip;q =1", ALL, '-' },
	{ "gzip;q= 1", ALL, '-' },
	{ "gzip;q", ALL, '-' },
	{ "gzip;", ALL, '-' },
	{ "gzip;x=1", ALL, '-' },
	{ "gzip;q=1;x=1", ALL, '-' },
	{ "gzip;level=9;q=1", ALL, '-' },
	{ "gzip q=1", ALL, '-' },
	{ "gzip br", ALL, '-' },
	{ "gzip/1", ALL, '-' },
	{ "\"gzip\"", ALL, '-' },
	{ "gzip\xff", ALL, '-' },
	{ "gzip;q=9, br;;, zstd;q=0.1", ALL, 'z' },
	{ "gzip;q=1.", ALL, 'g' },	/* of the grammar */
	{ "gzip;q=0.", ALL, '-' },

	/* only the whole name */
	{ "gzi", ALL, '-' },
	{ "gzipp", ALL, '-' },
	{ "xgzip", ALL, '-' },
	{ "x-br", ALL, '-' },
	{ "b", ALL, '-' },
	{ "brotli", ALL, '-' },
	{ "zst", ALL, '-' },
	{ "gz", ALL, '-' },
	{ ";q=1", ALL, '-' },
	{ "gzip", "gg", 'g' },
};

static void test_rows(void)
{
	size_t i, len;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *value = rows[i].value;
		char got;

		unit_begin("\"%s\" of \"%s\" is %c", value, rows[i].offered, rows[i].want);
		got = negotiate(value, strlen(value), rows[i].offered);
		if (!check(got == rows[i].want))
			unit_note("%c", got);
		for (len = 0; len < strlen(value); len++)
			negotiate(value, len, rows[i].offered);
		unit_end();
	}
}

static void test_absent(void)
{
	u8 offered[] = { HTTP_CODING_BR };

	unit_begin("no field at all chooses nothing");
	check(http_negotiate((struct span){ NULL, 0 }, offered, 1) == -1);
	unit_end();
}

static void test_names(void)
{
	unit_begin("names and suffixes");
	check_span(http_coding_name(HTTP_CODING_BR), "br");
	check_span(http_coding_name(HTTP_CODING_ZSTD), "zstd");
	check_span(http_coding_name(HTTP_CODING_GZIP), "gzip");
	check_span(http_coding_suffix(HTTP_CODING_BR), ".br");
	check_span(http_coding_suffix(HTTP_CODING_ZSTD), ".zst");
	check_span(http_coding_suffix(HTTP_CODING_GZIP), ".gz");
	check(http_coding_lookup_suffix(SPAN("br")) == HTTP_CODING_BR);
	check(http_coding_lookup_suffix(SPAN("zst")) == HTTP_CODING_ZSTD);
	check(http_coding_lookup_suffix(SPAN("gz")) == HTTP_CODING_GZIP);
	check(http_coding_lookup_suffix(SPAN("")) == -1);
	check(http_coding_lookup_suffix(SPAN(".gz")) == -1);
	check(http_coding_lookup_suffix(SPAN("gzip")) == -1);
	check(http_coding_lookup_suffix(SPAN("g")) == -1);
	check(http_coding_lookup_suffix(SPAN("GZ")) == -1);
	unit_end();
}

/*
 * All weights of two codings and of identity against each other, to the last
 * thousandth where it matters.
 */
static void test_weights(void)
{
	static const int weights[] = { -1, 0, 1, 2, 499, 500, 501, 998, 999, 1000 };
	size_t b, g, i;

	unit_begin("the highest weight of br, gzip and identity wins");
	for (b = 0; b < ARRAY_SIZE(weights); b++) {
		for (g = 0; g < ARRAY_SIZE(weights); g++) {
			for (i = 0; i < ARRAY_SIZE(weights); i++) {
				int br = weights[b], gzip = weights[g], identity = weights[i];
				char want = br > 0 && br >= gzip ? 'b' : gzip > 0 ? 'g' : '-';
				int best = br > gzip ? br : gzip;
				char value[128] = "";
				char *p = value;

				if (identity > best)
					want = '-';
				if (gzip >= 0)
					p += sprintf(p, "gzip;q=%d.%03d,", gzip / 1000, gzip % 1000);
				if (identity >= 0)
					p += sprintf(p, "identity;q=%d.%03d,", identity / 1000,
						     identity % 1000);
				if (br >= 0)
					p += sprintf(p, "br;q=%d.%03d", br / 1000, br % 1000);
				if (!check(negotiate(value, p - value, "bg") == want))
					unit_note("%s", value);
			}
		}
	}
	unit_end();
}

int main(void)
{
	test_rows();
	test_absent();
	test_names();
	test_weights();
	return unit_finish();
}
