// SPDX-License-Identifier: GPL-2.0

#include "http/mime.h"

#define EXTENSION_MAX	8

struct mime_row {
	char		extension[EXTENSION_MAX];	/* lower case, padded with NUL */
	struct span	type;
};

/*
 * The mime.types of nginx 1.22, with "mjs", which it does not know yet.  In
 * the order of memcmp().
 */
static const struct mime_row mime_table[] = {
	{ "3gp", SPAN_INIT("video/3gpp") },
	{ "3gpp", SPAN_INIT("video/3gpp") },
	{ "7z", SPAN_INIT("application/x-7z-compressed") },
	{ "ai", SPAN_INIT("application/postscript") },
	{ "asf", SPAN_INIT("video/x-ms-asf") },
	{ "asx", SPAN_INIT("video/x-ms-asf") },
	{ "atom", SPAN_INIT("application/atom+xml") },
	{ "avi", SPAN_INIT("video/x-msvideo") },
	{ "avif", SPAN_INIT("image/avif") },
	{ "bin", SPAN_INIT("application/octet-stream") },
	{ "bmp", SPAN_INIT("image/x-ms-bmp") },
	{ "cco", SPAN_INIT("application/x-cocoa") },
	{ "crt", SPAN_INIT("application/x-x509-ca-cert") },
	{ "css", SPAN_INIT("text/css") },
	{ "deb", SPAN_INIT("application/octet-stream") },
	{ "der", SPAN_INIT("application/x-x509-ca-cert") },
	{ "dll", SPAN_INIT("application/octet-stream") },
	{ "dmg", SPAN_INIT("application/octet-stream") },
	{ "doc", SPAN_INIT("application/msword") },
	{ "docx",
	  SPAN_INIT("application/vnd.openxmlformats-officedocument.wordprocessingml.document") },
	{ "ear", SPAN_INIT("application/java-archive") },
	{ "eot", SPAN_INIT("application/vnd.ms-fontobject") },
	{ "eps", SPAN_INIT("application/postscript") },
	{ "exe", SPAN_INIT("application/octet-stream") },
	{ "flv", SPAN_INIT("video/x-flv") },
	{ "gif", SPAN_INIT("image/gif") },
	{ "hqx", SPAN_INIT("application/mac-binhex40") },
	{ "htc", SPAN_INIT("text/x-component") },
	{ "htm", SPAN_INIT("text/html") },
	{ "html", SPAN_INIT("text/html") },
	{ "ico", SPAN_INIT("image/x-icon") },
	{ "img", SPAN_INIT("application/octet-stream") },
	{ "iso", SPAN_INIT("application/octet-stream") },
	{ "jad", SPAN_INIT("text/vnd.sun.j2me.app-descriptor") },
	{ "jar", SPAN_INIT("application/java-archive") },
	{ "jardiff", SPAN_INIT("application/x-java-archive-diff") },
	{ "jng", SPAN_INIT("image/x-jng") },
	{ "jnlp", SPAN_INIT("application/x-java-jnlp-file") },
	{ "jpeg", SPAN_INIT("image/jpeg") },
	{ "jpg", SPAN_INIT("image/jpeg") },
	{ "js", SPAN_INIT("application/javascript") },
	{ "json", SPAN_INIT("application/json") },
	{ "kar", SPAN_INIT("audio/midi") },
	{ "kml", SPAN_INIT("application/vnd.google-earth.kml+xml") },
	{ "kmz", SPAN_INIT("application/vnd.google-earth.kmz") },
	{ "m3u8", SPAN_INIT("application/vnd.apple.mpegurl") },
	{ "m4a", SPAN_INIT("audio/x-m4a") },
	{ "m4v", SPAN_INIT("video/x-m4v") },
	{ "mid", SPAN_INIT("audio/midi") },
	{ "midi", SPAN_INIT("audio/midi") },
	{ "mjs", SPAN_INIT("application/javascript") },
	{ "mml", SPAN_INIT("text/mathml") },
	{ "mng", SPAN_INIT("video/x-mng") },
	{ "mov", SPAN_INIT("video/quicktime") },
	{ "mp3", SPAN_INIT("audio/mpeg") },
	{ "mp4", SPAN_INIT("video/mp4") },
	{ "mpeg", SPAN_INIT("video/mpeg") },
	{ "mpg", SPAN_INIT("video/mpeg") },
	{ "msi", SPAN_INIT("application/octet-stream") },
	{ "msm", SPAN_INIT("application/octet-stream") },
	{ "msp", SPAN_INIT("application/octet-stream") },
	{ "odg", SPAN_INIT("application/vnd.oasis.opendocument.graphics") },
	{ "odp", SPAN_INIT("application/vnd.oasis.opendocument.presentation") },
	{ "ods", SPAN_INIT("application/vnd.oasis.opendocument.spreadsheet") },
	{ "odt", SPAN_INIT("application/vnd.oasis.opendocument.text") },
	{ "ogg", SPAN_INIT("audio/ogg") },
	{ "pdb", SPAN_INIT("application/x-pilot") },
	{ "pdf", SPAN_INIT("application/pdf") },
	{ "pem", SPAN_INIT("application/x-x509-ca-cert") },
	{ "pl", SPAN_INIT("application/x-perl") },
	{ "pm", SPAN_INIT("application/x-perl") },
	{ "png", SPAN_INIT("image/png") },
	{ "ppt", SPAN_INIT("application/vnd.ms-powerpoint") },
	{ "pptx",
	  SPAN_INIT("application/vnd.openxmlformats-officedocument.presentationml.presentation") },
	{ "prc", SPAN_INIT("application/x-pilot") },
	{ "ps", SPAN_INIT("application/postscript") },
	{ "ra", SPAN_INIT("audio/x-realaudio") },
	{ "rar", SPAN_INIT("application/x-rar-compressed") },
	{ "rpm", SPAN_INIT("application/x-redhat-package-manager") },
	{ "rss", SPAN_INIT("application/rss+xml") },
	{ "rtf", SPAN_INIT("application/rtf") },
	{ "run", SPAN_INIT("application/x-makeself") },
	{ "sea", SPAN_INIT("application/x-sea") },
	{ "shtml", SPAN_INIT("text/html") },
	{ "sit", SPAN_INIT("application/x-stuffit") },
	{ "svg", SPAN_INIT("image/svg+xml") },
	{ "svgz", SPAN_INIT("image/svg+xml") },
	{ "swf", SPAN_INIT("application/x-shockwave-flash") },
	{ "tcl", SPAN_INIT("application/x-tcl") },
	{ "tif", SPAN_INIT("image/tiff") },
	{ "tiff", SPAN_INIT("image/tiff") },
	{ "tk", SPAN_INIT("application/x-tcl") },
	{ "ts", SPAN_INIT("video/mp2t") },
	{ "txt", SPAN_INIT("text/plain") },
	{ "war", SPAN_INIT("application/java-archive") },
	{ "wasm", SPAN_INIT("application/wasm") },
	{ "wbmp", SPAN_INIT("image/vnd.wap.wbmp") },
	{ "webm", SPAN_INIT("video/webm") },
	{ "webp", SPAN_INIT("image/webp") },
	{ "wml", SPAN_INIT("text/vnd.wap.wml") },
	{ "wmlc", SPAN_INIT("application/vnd.wap.wmlc") },
	{ "wmv", SPAN_INIT("video/x-ms-wmv") },
	{ "woff", SPAN_INIT("font/woff") },
	{ "woff2", SPAN_INIT("font/woff2") },
	{ "xhtml", SPAN_INIT("application/xhtml+xml") },
	{ "xls", SPAN_INIT("application/vnd.ms-excel") },
	{ "xlsx", SPAN_INIT("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet") },
	{ "xml", SPAN_INIT("text/xml") },
	{ "xpi", SPAN_INIT("application/x-xpinstall") },
	{ "xspf", SPAN_INIT("application/xspf+xml") },
	{ "zip", SPAN_INIT("application/zip") },
};

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

/**
 * http_mime_type() - the media type of a file by its name
 * @path: a path or a bare name
 *
 * Return: always a type, application/octet-stream if nothing better is known
 */
struct span http_mime_type(struct span path)
{
	struct span extension = path_extension(path);
	u8 key[EXTENSION_MAX] = { 0 };
	size_t high = ARRAY_SIZE(mime_table);
	size_t low = 0;
	size_t i;

	if (!extension.len || extension.len > sizeof(key))
		return SPAN("application/octet-stream");
	for (i = 0; i < extension.len; i++)
		key[i] = ascii_lower(extension.ptr[i]);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = memcmp(key, mime_table[middle].extension, sizeof(key));

		if (!order)
			return mime_table[middle].type;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return SPAN("application/octet-stream");
}
