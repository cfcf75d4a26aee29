// SPDX-License-Identifier: GPL-2.0

#include "http/ctype.h"
#include "http/extra.h"

/*
 * What sluice says itself, or what it says something about: with a second
 * opinion on where a body ends, responses can be split.
 */
static const struct span reserved_names[] = {
	SPAN_INIT("Server"), SPAN_INIT("Date"), SPAN_INIT("Content-Type"),
	SPAN_INIT("Content-Length"), SPAN_INIT("Content-Range"),
	SPAN_INIT("Content-Encoding"), SPAN_INIT("Transfer-Encoding"),
	SPAN_INIT("Connection"), SPAN_INIT("Keep-Alive"), SPAN_INIT("Trailer"),
	SPAN_INIT("Upgrade"), SPAN_INIT("Last-Modified"), SPAN_INIT("ETag"),
	SPAN_INIT("Accept-Ranges"), SPAN_INIT("Location"),
};

static bool is_reserved(struct span name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(reserved_names); i++)
		if (span_eq_nocase(name, reserved_names[i]))
			return true;
	return false;
}

/**
 * http_value_ok() - whether a text may be sent as it is as a field value
 * @value: of a parameter
 *
 * Narrower than RFC 9110 section 5.5, which has its reasons for what others
 * send: visible ASCII, and spaces inside.  So it cannot end its line.
 *
 * Return: whether it may; the empty value may
 */
bool http_value_ok(struct span value)
{
	size_t i;

	for (i = 0; i < value.len; i++)
		if (value.ptr[i] < ' ' || value.ptr[i] > '~')
			return false;
	return !value.len || (value.ptr[0] != ' ' && value.ptr[value.len - 1] != ' ');
}

/* field-line = field-name ":" OWS field-value OWS */
static bool render_line(struct http_writer *w, struct span line)
{
	const u8 *end = line.ptr + line.len;
	const u8 *colon = http_skip_class(line.ptr, end, HTTP_C_TCHAR);
	struct span name = span_make(line.ptr, colon);
	struct span value;

	if (colon == line.ptr || colon == end || *colon != ':')
		return false;
	value = span_trim(span_make(colon + 1, end));
	if (is_reserved(name) || !http_value_ok(value))
		return false;
	http_put_span(w, name);
	http_put_str(w, ": ");
	http_put_span(w, value);
	http_put_str(w, "\r\n");
	return true;
}

/**
 * http_extra_render() - write the fields of the add_header parameter
 * @w: where to; on an error too, so forget what it has then
 * @text: "Name: value", several on lines of their own, empty ones between
 * @bad: out: the line that cannot be sent, if one cannot
 *
 * Return: 0, or -EINVAL for a line that is not a field, or one of ours
 */
int http_extra_render(struct http_writer *w, struct span text, struct span *bad)
{
	struct span line;

	*bad = (struct span){ NULL, 0 };
	while (span_next_line(&text, &line)) {
		line = span_trim(line);
		if (span_is_empty(line) || render_line(w, line))
			continue;
		*bad = line;
		return -EINVAL;
	}
	return 0;
}
