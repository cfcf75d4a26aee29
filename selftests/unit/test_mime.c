// SPDX-License-Identifier: GPL-2.0

#include <stdio.h>

#include "http/mime.h"
#include "unit.h"

#define NGINX_TYPES	"/etc/nginx/mime.types"
#define DEFAULT		"application/octet-stream"

static struct span type_of(const char *path)
{
	return http_mime_type((struct span){ unit_guard_start(path, strlen(path)),
					     strlen(path) });
}

static void test_names(void)
{
	unit_begin("the extension is what follows the last dot of the name");
	check_span(type_of("/index.html"), "text/html");
	check_span(type_of("index.html"), "text/html");
	check_span(type_of("/a.b/c.min.css"), "text/css");
	check_span(type_of("/INDEX.HtMl"), "text/html");
	check_span(type_of("/a.tar.gz"), DEFAULT);
	check_span(type_of("/a.html.bak"), DEFAULT);
	check_span(type_of("/a.css/b"), DEFAULT);
	check_span(type_of("/html"), DEFAULT);
	check_span(type_of("/a."), DEFAULT);
	check_span(type_of("/."), DEFAULT);
	check_span(type_of("/"), DEFAULT);
	check_span(type_of(""), DEFAULT);
	check_span(type_of("/a.css/"), DEFAULT);
	check_span(type_of("/a.jardiff"), "application/x-java-archive-diff");
	check_span(type_of("/a.jardifff"), DEFAULT);
	check_span(type_of("/a.jardiffff"), DEFAULT);
	check_span(type_of("/a.htm\xef"), DEFAULT);
	unit_end();

	unit_begin("leading dots begin an extension where they do in nginx");
	check_span(type_of("/.css"), DEFAULT);
	check_span(type_of(".css"), DEFAULT);
	check_span(type_of("/a/.css"), DEFAULT);
	check_span(type_of("/.a.css"), "text/css");
	check_span(type_of("/..css"), DEFAULT);
	check_span(type_of("/...css"), DEFAULT);
	check_span(type_of("/....css"), "text/css");
	check_span(type_of("/...a.css"), "text/css");
	unit_end();

	unit_begin("mjs is known");
	check_span(type_of("/a.mjs"), "application/javascript");
	unit_end();
}

/* Lines of "type extension…;" inside "types { }". */
static void check_line(char *line)
{
	char *type = strtok(line, " \t");
	char *extension;
	char path[64];

	while ((extension = strtok(NULL, " \t;\n"))) {
		snprintf(path, sizeof(path), "/a.%s", extension);
		check_span(type_of(path), type);
	}
}

static void test_against_nginx(void)
{
	FILE *file = fopen(NGINX_TYPES, "r");
	unsigned int lines = 0;
	char line[512];

	unit_begin("every type is nginx's%s", file ? "" : " (skipped: no " NGINX_TYPES ")");
	while (file && fgets(line, sizeof(line), file)) {
		if (!strchr(line, '/') || !strchr(line, ';'))
			continue;
		check_line(line);
		lines++;
	}
	if (file) {
		check(lines > 50);
		fclose(file);
	}
	unit_end();
}

int main(void)
{
	test_names();
	test_against_nginx();
	return unit_finish();
}
