// SPDX-License-Identifier: GPL-2.0
/*
 * The table is a text that the administrator may replace, so it is read here
 * and not built in ready-made.  An extension means one type whatever its case,
 * as in nginx.
 */

#include "http/ctype.h"
#include "http/mime.h"

static const struct span any_extension = SPAN_INIT("*");

/*
 * The mime.types of nginx 1.22, with "mjs", which it does not know yet, and
 * the default_type of the nginx.conf that comes with it.
 */
const char http_types_builtin[] =
	"text/html html htm shtml\n"
	"text/css css\n"
	"text/xml xml\n"
	"image/gif gif\n"
	"image/jpeg jpeg jpg\n"
	"application/javascript js mjs\n"
	"application/atom+xml atom\n"
	"application/rss+xml rss\n"
	"text/mathml mml\n"
	"text/plain txt\n"
	"text/vnd.sun.j2me.app-descriptor jad\n"
	"text/vnd.wap.wml wml\n"
	"text/x-component htc\n"
	"image/avif avif\n"
	"image/png png\n"
	"image/svg+xml svg svgz\n"
	"image/tiff tif tiff\n"
	"image/vnd.wap.wbmp wbmp\n"
	"image/webp webp\n"
	"image/x-icon ico\n"
	"image/x-jng jng\n"
	"image/x-ms-bmp bmp\n"
	"font/woff woff\n"
	"font/woff2 woff2\n"
	"application/java-archive jar war ear\n"
	"application/json json\n"
	"application/mac-binhex40 hqx\n"
	"application/msword doc\n"
	"application/pdf pdf\n"
	"application/postscript ps eps ai\n"
	"application/rtf rtf\n"
	"application/vnd.apple.mpegurl m3u8\n"
	"application/vnd.google-earth.kml+xml kml\n"
	"application/vnd.google-earth.kmz kmz\n"
	"application/vnd.ms-excel xls\n"
	"application/vnd.ms-fontobject eot\n"
	"application/vnd.ms-powerpoint ppt\n"
	"application/vnd.oasis.opendocument.graphics odg\n"
	"application/vnd.oasis.opendocument.presentation odp\n"
	"application/vnd.oasis.opendocument.spreadsheet ods\n"
	"application/vnd.oasis.opendocument.text odt\n"
	"application/vnd.openxmlformats-officedocument.presentationml.presentation pptx\n"
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet xlsx\n"
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document docx\n"
	"application/vnd.wap.wmlc wmlc\n"
	"application/wasm wasm\n"
	"application/x-7z-compressed 7z\n"
	"application/x-cocoa cco\n"
	"application/x-java-archive-diff jardiff\n"
	"application/x-java-jnlp-file jnlp\n"
	"application/x-makeself run\n"
	"application/x-perl pl pm\n"
	"application/x-pilot prc pdb\n"
	"application/x-rar-compressed rar\n"
	"application/x-redhat-package-manager rpm\n"
	"application/x-sea sea\n"
	"application/x-shockwave-flash swf\n"
	"application/x-stuffit sit\n"
	"application/x-tcl tcl tk\n"
	"application/x-x509-ca-cert der pem crt\n"
	"application/x-xpinstall xpi\n"
	"application/xhtml+xml xhtml\n"
	"application/xspf+xml xspf\n"
	"application/zip zip\n"
	"application/octet-stream * bin exe dll deb dmg iso img msi msp msm\n"
	"audio/midi mid midi kar\n"
	"audio/mpeg mp3\n"
	"audio/ogg ogg\n"
	"audio/x-m4a m4a\n"
	"audio/x-realaudio ra\n"
	"video/3gpp 3gpp 3gp\n"
	"video/mp2t ts\n"
	"video/mp4 mp4\n"
	"video/mpeg mpeg mpg\n"
	"video/quicktime mov\n"
	"video/webm webm\n"
	"video/x-flv flv\n"
	"video/x-m4v m4v\n"
	"video/x-mng mng\n"
	"video/x-ms-asf asx asf\n"
	"video/x-ms-wmv wmv\n"
	"video/x-msvideo avi\n";

/* Take the next word off the front of @rest; false if there is none. */
static bool next_word(struct span *rest, struct span *word)
{
	size_t n = 0;

	*rest = span_trim(*rest);
	while (n < rest->len && !is_ows(rest->ptr[n]))
		n++;
	*word = (struct span){ rest->ptr, n };
	rest->ptr += n;
	rest->len -= n;
	return n;
}

/* media-type = type "/" subtype, RFC 9110 section 8.3.1; no parameters */
static bool is_media_type(struct span s)
{
	const u8 *end = s.ptr + s.len;
	const u8 *slash = http_skip_class(s.ptr, end, HTTP_C_TCHAR);

	if (s.len > HTTP_TYPE_MAX || slash == s.ptr || slash == end || *slash != '/')
		return false;
	return http_is_token(span_make(slash + 1, end));
}

static bool is_extension(struct span s)
{
	size_t i;

	if (span_eq(s, any_extension))
		return true;
	for (i = 0; i < s.len; i++) {
		u8 c = ascii_lower(s.ptr[i]);

		if (!(c >= 'a' && c <= 'z') && !http_is(c, HTTP_C_DIGIT) &&
		    c != '-' && c != '_' && c != '+')
			return false;
	}
	return s.len && s.len <= HTTP_EXTENSION_MAX;
}

/* Digits, up to what @expires can hold. */
static bool parse_seconds(struct span s, s32 *expires)
{
	u32 n = 0;
	size_t i;

	for (i = 0; i < s.len; i++) {
		u8 digit = s.ptr[i] - '0';

		if (digit > 9 || n > ((u32)S32_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*expires = n;
	return s.len;
}

static bool starts_with(struct span s, struct span prefix)
{
	return s.len >= prefix.len && !memcmp(s.ptr, prefix.ptr, prefix.len);
}

/* TYPE [ "expires=" SECONDS ]; @line is what is left of it afterwards. */
static bool parse_type(struct span *line, struct http_type *entry)
{
	static const struct span expires = SPAN_INIT("expires=");
	struct span rest, word;

	entry->expires = HTTP_EXPIRES_NONE;
	if (!next_word(line, &entry->type) || !is_media_type(entry->type))
		return false;
	rest = *line;
	if (!next_word(&rest, &word) || !starts_with(word, expires))
		return true;
	*line = rest;
	word.ptr += expires.len;
	word.len -= expires.len;
	return parse_seconds(word, &entry->expires);
}

/* Add the entries of one line to @list, if there is one, and to *count. */
static int parse_line(struct span line, struct http_type *list, size_t max, size_t *count)
{
	struct http_type entry;
	size_t before = *count;

	if (!parse_type(&line, &entry))
		return -EINVAL;
	while (next_word(&line, &entry.ext)) {
		if (!is_extension(entry.ext))
			return -EINVAL;
		if (*count == max)
			return -E2BIG;
		if (list)
			list[*count] = entry;
		++*count;
	}
	return *count > before ? 0 : -EINVAL;
}

/* As memcmp(), for the lower case of both; a beginning is before the whole. */
static int compare(struct span a, struct span b)
{
	size_t i;

	for (i = 0; i < a.len && i < b.len; i++) {
		int order = ascii_lower(a.ptr[i]) - ascii_lower(b.ptr[i]);

		if (order)
			return order;
	}
	return (a.len > b.len) - (a.len < b.len);
}

/* Shell's sort: in place, without recursion, and far from quadratic. */
static void sort_types(struct http_type *list, size_t n)
{
	size_t gap = 1;
	size_t i, j;

	while (gap < n / 3)
		gap = 3 * gap + 1;
	for (; gap; gap /= 3) {
		for (i = gap; i < n; i++) {
			struct http_type entry = list[i];

			for (j = i; j >= gap && compare(list[j - gap].ext, entry.ext) > 0; j -= gap)
				list[j] = list[j - gap];
			list[j] = entry;
		}
	}
}

static unsigned int line_number(struct span text, const u8 *at)
{
	unsigned int line = 1;
	const u8 *p;

	for (p = text.ptr; p < at; p++)
		line += *p == '\n';
	return line;
}

/* Where an extension of the sorted list is given a second time, or NULL. */
static const u8 *find_repeated(const struct http_type *list, size_t n)
{
	size_t i;

	for (i = 1; i < n; i++) {
		const u8 *a = list[i - 1].ext.ptr;
		const u8 *b = list[i].ext.ptr;

		if (!compare(list[i - 1].ext, list[i].ext))
			return max(a, b);
	}
	return NULL;
}

/**
 * http_types_parse() - read a table of media types
 * @text: lines of 'TYPE [expires=SECONDS] EXTENSION...', empty ones between
 * @list: out: one entry for each extension, sorted for http_types_find(), with
 *	spans that point into @text; or NULL to check each line and count
 * @max: entries in @list; without @list it does not matter
 * @line: out: the first line that is wrong, from 1, or 0
 *
 * Only sorting shows that an extension is there twice.  So a call with @list
 * may fail where the one without did not.
 *
 * Return: the number of entries; -EINVAL for a line that is none or gives an
 * extension for the second time; -E2BIG if there are more than @max
 */
int http_types_parse(struct span text, struct http_type *list, size_t max,
		     unsigned int *line)
{
	struct span rest = text;
	struct span item;
	size_t count = 0;
	const u8 *again;

	*line = 0;
	if (!list || max > (size_t)S32_MAX)
		max = S32_MAX;
	while (span_next_line(&rest, &item)) {
		int error = 0;

		++*line;
		if (!span_is_empty(span_trim(item)))
			error = parse_line(item, list, max, &count);
		if (error)
			return error;
	}
	*line = 0;
	if (!list)
		return count;
	sort_types(list, count);
	again = find_repeated(list, count);
	if (!again)
		return count;
	*line = line_number(text, again);
	return -EINVAL;
}

/*
 * What follows the last dot of the last segment.  In nginx, none of the first
 * three bytes of a name begins an extension if there are only dots before it,
 * a trace of how it looks for "." and "..": ".css" and "..css" have none.
 */
static struct span path_extension(struct span path)
{
	const u8 *end = path.ptr + path.len;
	const u8 *name = end;
	const u8 *p = end;
	unsigned int dots;

	while (name > path.ptr && name[-1] != '/')
		name--;
	for (dots = 0; dots < 3 && name < end && *name == '.'; dots++)
		name++;
	while (p > name && p[-1] != '.')
		p--;
	return p > name ? span_make(p, end) : (struct span){ end, 0 };
}

static const struct http_type *find_extension(const struct http_type *list, size_t n,
					      struct span ext)
{
	size_t low = 0;

	while (low < n) {
		size_t middle = low + (n - low) / 2;
		int order = compare(ext, list[middle].ext);

		if (!order)
			return &list[middle];
		if (order < 0)
			n = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/**
 * http_types_find() - the media type of a file by its name
 * @list: of http_types_parse()
 * @n: how many entries it has
 * @path: a path or a bare name
 *
 * Return: the entry of the extension, or else the one of "*", or NULL
 */
const struct http_type *http_types_find(const struct http_type *list, size_t n,
					struct span path)
{
	const struct http_type *found = find_extension(list, n, path_extension(path));

	return found ? found : find_extension(list, n, any_extension);
}

/**
 * http_type_takes_charset() - whether a charset is said of this type
 * @type: without parameters
 *
 * Return: true for the default of nginx's charset_types
 */
bool http_type_takes_charset(struct span type)
{
	static const struct span types[] = {
		SPAN_INIT("text/html"), SPAN_INIT("text/xml"), SPAN_INIT("text/plain"),
		SPAN_INIT("text/vnd.wap.wml"), SPAN_INIT("application/javascript"),
		SPAN_INIT("application/rss+xml"),
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(types); i++)
		if (span_eq_nocase(type, types[i]))
			return true;
	return false;
}
