// SPDX-License-Identifier: GPL-2.0
/* Runs selftests/vectors/, in the format that its README describes. */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "answer.h"
#include "every_way.h"
#include "http/parse.h"
#include "http/status.h"
#include "http/uri.h"
#include "unit.h"

#define INPUT_MAX	16384
#define LINE_SIZE	8192
#define PATH_SIZE	4096

struct vector {
	char		name[128];
	u8		bytes[INPUT_MAX];
	size_t		len;
	struct place	place;
	bool		judged;		/* with default settings */
};

struct outcome {
	const struct vector	*vector;
	unsigned int		flags;
	bool			strict;
	struct settings		settings;
	struct answer		answer;
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

static bool is_one_of(const char *word, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(word, *list))
			return true;
	return false;
}

/* Returns false if there is no such reason to hand over. */
static bool check_hand_over(const struct outcome *o, const char *why)
{
	static const char *const by_request[] = {
		"method", "upgrade", "expect", "body", "fields", "authorization",
		"other-scheme", "encoded-slash", "hidden", NULL,
	};
	static const char *const by_place[] = {
		"not-found", "forbidden", "directory", "dynamic", "query", "host", NULL,
	};

	if (!strcmp(why, "range"))
		return check(o->answer.too_many) || true;
	if (is_one_of(why, by_request))
		return check(handed_over(&o->req, &o->target, why)) || true;
	return is_one_of(why, by_place);
}

/* Whether the status follows from the request, and from what is known of the file. */
static bool is_answered(const struct outcome *o)
{
	return !strcmp(o->vector->place.kind, "file") && o->target.path.len &&
	       !o->target.trailing_slash && !handed_over_at_all(&o->req, &o->target) &&
	       !o->answer.too_many;
}

/* Returns false if it is not one that sluice sends. */
static bool check_status(const struct outcome *o, const char *want)
{
	unsigned int status = atoi(want);

	if (is_answered(o) && !check(o->answer.status == status))
		unit_note("%u", o->answer.status);
	return status == 500 || !span_eq(http_status_line(status), http_status_line(500));
}

static void check_ranges(const struct answer *a, const char *want)
{
	char got[512] = "";
	unsigned int i;
	int n = 0;

	for (i = 0; i < a->count; i++)
		n += snprintf(got + n, sizeof(got) - n, "%s%llu-%llu", i ? "," : "",
			      a->ranges[i].first, a->ranges[i].last);
	if (!check(!strcmp(got, want)))
		unit_note("\"%s\" is not \"%s\"", got, want);
}

/* The keys that are about the answer. */
static bool check_answer_key(const struct outcome *o, const char *key, const char *value)
{
	if (!strcmp(key, "status"))
		return check_status(o, value);
	if (!strcmp(key, "ranges"))
		check_ranges(&o->answer, value);
	else if (!strcmp(key, "coding"))
		check_text(o->answer.coding, value);
	else if (!strcmp(key, "directory"))
		check_text(answer_directory(&o->req, &o->target), value);
	else if (!strcmp(key, "type"))
		check_text(answer_type(&o->target), value);
	else if (!strcmp(key, "location"))
		check_text(answer_location(&o->target), value);
	else
		return !strcmp(key, "says") || !strcmp(key, "lacks");
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
		return check_answer_key(o, key, value);
	return true;
}

/* Parse and resolve, as a caller would; returns what is wrong. */
static enum http_error judge(struct outcome *o)
{
	static u8 path[PATH_SIZE];
	enum http_error why;

	o->ret = parse_every_way(o->vector->bytes, o->vector->len, HTTP_HEAD_MAX, o->flags,
				 &o->req, &why);
	if (o->ret > 0 && http_uri_resolve(o->req.target, o->req.method, path, sizeof(path),
					   &o->target, &why))
		o->ret = -EBADMSG;
	if (o->ret > 0 && o->strict && !http_uri_is_valid(o->req.target)) {
		why = HTTP_ERR_BAD_TARGET;
		o->ret = -EBADMSG;
	}
	if (o->ret > 0)
		answer(&o->req, &o->vector->place, &o->settings, &o->answer);
	return why;
}

/* Returns false if there is no such parameter. */
static bool take_setting(struct outcome *o, const char *key, const char *value)
{
	/* Without meaning for what is tested here. */
	static const char *const others[] = {
		"proxy_protocol", "authorization", "options",
		"hide_dot", "query", "symlinks", "mode_required", "mode_forbidden", "charset",
		"cache_control", "add_header", "server", "vhosts", "default_host", "page_404",
		"index", "dynamic_prefix", "dynamic_suffix", "header_timeout", NULL,
	};

	if (!strcmp(key, "lenient"))
		o->flags |= atoi(value) ? HTTP_PARSE_LENIENT : 0;
	else if (!strcmp(key, "strict"))
		o->strict = atoi(value);
	else if (!strcmp(key, "standalone"))
		o->settings.standalone = atoi(value);
	else if (!strcmp(key, "bad_range"))
		o->settings.bad_range_416 = !strcmp(value, "416");
	else if (!strcmp(key, "if_modified_since"))
		o->settings.ims_exact = !strcmp(value, "exact");
	else if (!strcmp(key, "precompressed"))
		o->settings.precompressed = value;
	else
		return is_one_of(key, others);
	return true;
}

/* Cut "key=value" in two; returns the value, or NULL. */
static char *cut_value(char *word)
{
	char *value = strchr(word, '=');

	if (value)
		*value++ = '\0';
	return value;
}

/* "[KEY=VALUE ...]" in front of a verdict; returns what follows, NULL if bad. */
static char *take_settings(struct outcome *o, char *text)
{
	char *word, *value, *end;

	if (*text != '[')
		return text;
	end = strchr(text, ']');
	if (!end)
		return NULL;
	*end = '\0';
	for (word = strtok(text + 1, separators); word; word = strtok(NULL, separators)) {
		value = cut_value(word);
		if (!value || !take_setting(o, word, value))
			return NULL;
	}
	return end + 1;
}

/* "KIND [KEY=VALUE ...]"; returns false if it is not one of README's. */
static bool take_place(struct place *place, char *text)
{
	static const char *const kinds[] = {
		"file", "directory", "index", "nothing", "fifo", "closed", "executable", "link",
		"way-out", "stale", "no-directory", NULL,
	};
	char *word = strtok(text, separators);
	char *value;

	if (!word || !is_one_of(word, kinds))
		return false;
	snprintf(place->kind, sizeof(place->kind), "%s", word);
	while ((word = strtok(NULL, separators))) {
		value = cut_value(word);
		if (!value)
			return false;
		if (!strcmp(word, "size"))
			place->size = strtoull(value, NULL, 10);
		else if (!strcmp(word, "mtime"))
			place->mtime = strtoll(value, NULL, 10);
		else if (!strcmp(word, "siblings"))
			snprintf(place->siblings, sizeof(place->siblings), "%s", value);
		else
			return false;
	}
	return true;
}

static bool check_verdict(const struct vector *v, char *verdict)
{
	struct outcome o = { .vector = v, .settings = { .precompressed = "br,zst,gz" } };
	const struct http_error_info *info;
	enum http_error why;
	char *word;

	verdict = take_settings(&o, verdict);
	if (!verdict)
		return false;
	why = judge(&o);
	info = http_error_info(why);
	word = strtok(verdict, separators);

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
		char *value = cut_value(word);

		if (!value || !check_key(&o, word, value))
			return false;
	}
	return true;
}

static void begin_vector(const char *file, unsigned int number, const char *name,
			 struct vector *v)
{
	if (v->name[0] && !v->judged)
		die(file, number, "the one before has no verdict");
	snprintf(v->name, sizeof(v->name), "%.120s", name);
	v->len = 0;
	v->judged = false;
	v->place = (struct place){ .kind = "file", .size = 1000, .mtime = 1700000000 };
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
		begin_vector(file, number, line + 2, v);
		break;
	case '@':
		if (!take_place(&v->place, line + 2))
			die(file, number, "bad place");
		break;
	case '>':
		if (!unescape(line + 2, '\0', v->bytes, &v->len))
			die(file, number, "bad bytes");
		break;
	case '<':
		if (!v->judged && line[2] == '[')
			die(file, number, "first a verdict with default settings");
		v->judged = true;
		unit_begin("%s: %s%s", file, v->name, line[2] == '[' ? line + 1 : "");
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
