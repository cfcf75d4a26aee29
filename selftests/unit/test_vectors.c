// SPDX-License-Identifier: GPL-2.0
/* Runs selftests/vectors/, in the format that its README describes. */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "every_way.h"
#include "http/parse.h"
#include "http/uri.h"
#include "unit.h"

#define INPUT_MAX	16384
#define LINE_SIZE	8192
#define PATH_SIZE	4096

struct vector {
	char	name[128];
	u8	bytes[INPUT_MAX];
	size_t	len;
};

struct outcome {
	const struct vector	*vector;
	struct http_request	req;
	struct http_target	target;
	ssize_t			ret;
};

static const char separators[] = " ";
static unsigned int malformed;

static void die(const char *file, unsigned int line, const char *why)
{
	fprintf(stderr, "%s:%u: %s\n", file, line, why);
	exit(EXIT_FAILURE);
}

/* Take one byte in README's notation; returns how much text it took, 0 if bad. */
static size_t unescape_byte(const char *s, u8 *byte)
{
	static const char from[] = "rnt0\\s";
	static const char to[] = "\r\n\t\0\\ ";
	const char *found;
	unsigned int value;

	if (s[0] != '\\') {
		*byte = s[0];
		return 1;
	}
	if (s[1] == 'x' && sscanf(s + 2, "%2x", &value) == 1) {
		*byte = value;
		return 4;
	}
	found = s[1] ? strchr(from, s[1]) : NULL;
	if (!found)
		return 0;
	*byte = to[found - from];
	return 2;
}

/* Append @s up to its end or to @stop; returns how much text, 0 if bad. */
static size_t unescape(const char *s, char stop, u8 *out, size_t *len)
{
	size_t i = 0;

	while (s[i] && s[i] != stop) {
		unsigned int count;
		int skip = 0;

		if (*len >= INPUT_MAX)
			return 0;
		if (sscanf(s + i, "\\{%u:%n", &count, &skip) == 1 && skip) {
			size_t taken = 0;

			i += skip;
			while (count--) {
				taken = unescape(s + i, '}', out, len);
				if (!taken)
					return 0;
			}
			i += taken + 1;
			continue;
		}
		skip = unescape_byte(s + i, &out[*len]);
		if (!skip)
			return 0;
		i += skip;
		++*len;
	}
	return i;
}

static void check_text(struct span got, const char *want)
{
	static u8 bytes[INPUT_MAX + 1];
	size_t len = 0;

	unescape(want, '\0', bytes, &len);
	if (!check(got.len == len && !memcmp(got.ptr, bytes, len)))
		unit_note("\"%.*s\" is not \"%s\"", (int)got.len, (const char *)got.ptr, want);
}

static void check_host(const struct http_host *host, const char *want)
{
	char got[512];
	int n;

	n = snprintf(got, sizeof(got), "%.*s", (int)host->name.len, (const char *)host->name.ptr);
	if (host->has_port)
		snprintf(got + n, sizeof(got) - n, ":%u", host->port);
	if (!check(!strcmp(got, want)))
		unit_note("\"%s\" is not \"%s\"", got, want);
}

static void check_method(const struct http_request *req, const char *want)
{
	static const char *const names[HTTP_METHOD_COUNT] = {
		[HTTP_METHOD_OTHER] = "OTHER",
#define X(name) \
		[HTTP_##name] = #name,
		HTTP_METHODS(X)
#undef X
	};

	check(!strcmp(names[req->method], want));
}

static void check_body(const struct http_request *req, const char *want)
{
	check(req->has_body == !!strcmp(want, "none"));
	check(req->chunked == !strcmp(want, "chunked"));
	if (req->has_body && !req->chunked)
		check(req->content_length == strtoull(want, NULL, 10));
}

static void check_form(const struct http_target *target, const char *want)
{
	static const char *const names[] = {
		[HTTP_FORM_ORIGIN] = "origin",
		[HTTP_FORM_ABSOLUTE] = "absolute",
		[HTTP_FORM_AUTHORITY] = "authority",
		[HTTP_FORM_ASTERISK] = "asterisk",
	};

	check(!strcmp(names[target->form], want));
}

/* Returns false if there is no such reason to hand over. */
static bool check_hand_over(const struct outcome *o, const char *why)
{
	if (!strcmp(why, "upgrade"))
		check(o->req.upgrade);
	else if (!strcmp(why, "expect"))
		check(o->req.expect);
	else if (!strcmp(why, "other-scheme"))
		check(o->target.other_scheme);
	else if (!strcmp(why, "encoded-slash"))
		check(o->target.encoded_slash);
	else
		return false;
	return true;
}

/* Returns false if @key is not one of README's. */
static bool check_key(const struct outcome *o, const char *key, const char *value)
{
	if (!strcmp(key, "method"))
		check_method(&o->req, value);
	else if (!strcmp(key, "version"))
		check(!strcmp(value, o->req.minor ? "1.1" : "1.0"));
	else if (!strcmp(key, "keep-alive"))
		check(!strcmp(value, o->req.keep_alive ? "yes" : "no"));
	else if (!strcmp(key, "body"))
		check_body(&o->req, value);
	else if (!strcmp(key, "path"))
		check_text(o->target.path, value);
	else if (!strcmp(key, "query"))
		check_text(o->target.query, value);
	else if (!strcmp(key, "host"))
		check_host(&o->req.host, value);
	else if (!strcmp(key, "authority"))
		check_host(&o->target.authority, value);
	else if (!strcmp(key, "form"))
		check_form(&o->target, value);
	else if (!strcmp(key, "left"))
		check(o->vector->len - o->ret == strtoull(value, NULL, 10));
	else if (!strcmp(key, "hand-over"))
		return check_hand_over(o, value);
	else
		return false;
	return true;
}

/* Parse and resolve, as a caller would; returns what is wrong. */
static enum http_error judge(const struct vector *v, struct outcome *o)
{
	static u8 path[PATH_SIZE];
	enum http_error why;

	o->vector = v;
	o->ret = parse_every_way(v->bytes, v->len, HTTP_HEAD_MAX, &o->req, &why);
	if (o->ret > 0 && http_uri_resolve(o->req.target, o->req.method, path, sizeof(path),
					   &o->target, &why))
		o->ret = -EBADMSG;
	return why;
}

static bool check_verdict(const struct vector *v, char *verdict)
{
	char *word = strtok(verdict, separators);
	struct outcome o;
	enum http_error why = judge(v, &o);
	const struct http_error_info *info = http_error_info(why);

	if (word && !strcmp(word, "again"))
		return check(o.ret == -EAGAIN) || true;
	if (word && !strcmp(word, "error")) {
		const char *status = strtok(NULL, separators);
		const char *name = strtok(NULL, separators);

		if (!status || !name)
			return false;
		malformed++;
		if (!check(o.ret == -EBADMSG && info->status == atoi(status) &&
			   !strcmp(info->name, name)))
			unit_note("%zd %u %s", o.ret, info->status, info->name);
		return true;
	}
	if (!word || strcmp(word, "ok"))
		return false;
	if (!check(o.ret > 0)) {
		unit_note("%zd %s", o.ret, info->name);
		return true;
	}
	while ((word = strtok(NULL, separators))) {
		char *value = strchr(word, '=');

		if (!value)
			return false;
		*value++ = '\0';
		if (!check_key(&o, word, value))
			return false;
	}
	return true;
}

static void run_line(const char *file, unsigned int number, char *line, struct vector *v)
{
	line[strcspn(line, "\n")] = '\0';
	if (!line[0] || line[0] == '#')
		return;
	if (line[1] != ' ')
		die(file, number, "a space must follow the mark");
	switch (line[0]) {
	case '=':
		snprintf(v->name, sizeof(v->name), "%.120s", line + 2);
		v->len = 0;
		break;
	case '>':
		if (!unescape(line + 2, '\0', v->bytes, &v->len))
			die(file, number, "bad bytes");
		break;
	case '<':
		unit_begin("%s: %s", file, v->name);
		if (!check_verdict(v, line + 2))
			die(file, number, "bad verdict");
		unit_end();
		break;
	default:
		die(file, number, "what is this?");
	}
}

static void run_file(const char *dir, const char *file)
{
	static struct vector vector;
	char line[LINE_SIZE];
	unsigned int number = 0;
	FILE *f;

	snprintf(line, sizeof(line), "%s/%s", dir, file);
	f = fopen(line, "r");
	if (!f)
		die(line, 0, "cannot open");
	while (fgets(line, sizeof(line), f))
		run_line(file, ++number, line, &vector);
	fclose(f);
}

static int is_vector_file(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && !strcmp(dot, ".txt");
}

int main(void)
{
	const char *dir = getenv("VECTORS") ? getenv("VECTORS") : "../vectors";
	struct dirent **entries;
	int i, n;

	n = scandir(dir, &entries, is_vector_file, alphasort);
	if (n <= 0)
		die(dir, 0, "no vectors");
	for (i = 0; i < n; i++) {
		run_file(dir, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	unit_note("%u requests are malformed", malformed);
	return unit_finish();
}
