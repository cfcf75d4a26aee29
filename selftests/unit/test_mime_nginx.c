// SPDX-License-Identifier: GPL-2.0

#include "http/mime.h"
#include "unit.h"

#define NGINX_TYPES	"/etc/nginx/mime.types"
#define ENTRIES		2048

static struct http_type builtin[ENTRIES];
static int builtins;

static struct span type_of(const char *path)
{
	struct span at = { unit_guard_end(path, strlen(path)), strlen(path) };
	const struct http_type *found = http_types_find(builtin, builtins, at);

	return found ? found->type : SPAN("nothing");
}

/* Lines of "type extension…;" inside "types { }". */
static unsigned int check_line(char *line)
{
	char *type = strtok(line, " \t");
	unsigned int extensions = 0;
	char *extension;
	char path[64];

	while ((extension = strtok(NULL, " \t;\n"))) {
		snprintf(path, sizeof(path), "/a.%s", extension);
		check_span(type_of(path), type);
		extensions++;
	}
	return extensions;
}

int main(void)
{
	struct span text = { (const u8 *)http_types_builtin, strlen(http_types_builtin) };
	FILE *file = fopen(NGINX_TYPES, "r");
	unsigned int extensions = 0;
	unsigned int bad_line;
	char line[512];

	builtins = http_types_parse(text, builtin, ENTRIES, &bad_line);
	unit_begin("every type is nginx's%s", file ? "" : " (skipped: no " NGINX_TYPES ")");
	while (file && fgets(line, sizeof(line), file)) {
		if (strchr(line, '/') && strchr(line, ';'))
			extensions += check_line(line);
	}
	if (file) {
		check(extensions > 100);
		fclose(file);
	}
	unit_end();
	return unit_finish();
}
