/* SPDX-License-Identifier: GPL-2.0 */
/*
 * sluice.conf: what it says.
 */
#ifndef SLUICECTL_CONF_H
#define SLUICECTL_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "say.h"

#define CONF_FILE	"/etc/sluice/sluice.conf"
/* More than that tell nobody anything. */
#define CONF_ERRORS_MAX	20

/**
 * struct conf_line - NAME = VALUE
 * @instance: of which section, or NULL; of the conf
 * @name:     with underscores
 * @value:    as the kernel is to have it
 * @number:   of the line in the file
 */
struct conf_line {
	const char	*instance;
	char		*name;
	char		*value;
	unsigned int	number;
};

/**
 * struct conf - a file
 * @file:     its name
 * @line:     all settings, in order
 * @count:    of them
 * @instance: names of sections, in order
 * @instances: of them
 * @errors:   that were said
 */
struct conf {
	char			*file;
	struct conf_line	*line;
	size_t			count;
	char			**instance;
	size_t			instances;
	unsigned int		errors;
};

bool conf_read(struct conf *conf, const char *file);
bool conf_check(struct conf *conf);
void conf_free(struct conf *conf);
void conf_wrong(struct conf *conf, unsigned int number, const char *format, ...) __printf(3, 4);

const struct conf_line *conf_find(const struct conf *conf, const char *instance,
				  const char *name);
bool conf_has_instance(const struct conf *conf, const char *name);
char *conf_where(const struct conf *conf, const struct conf_line *line);
bool conf_quote(const struct conf_line *line, char **word);

#endif /* SLUICECTL_CONF_H */
