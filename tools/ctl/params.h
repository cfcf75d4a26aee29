/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which parameters there are, and what they are.
 */
#ifndef SLUICECTL_PARAMS_H
#define SLUICECTL_PARAMS_H

#include <stdbool.h>
#include <stddef.h>

/* A file of sysfs is a page, and a newline is written behind the value. */
#define VALUE_MAX 4094

/**
 * struct param - of the module
 * @name: of its file, with underscores
 * @mode: of its file; 0: not known, for the module is not loaded
 * @help: what the module says of it; "" if it cannot be asked
 */
struct param {
	char	*name;
	int	mode;
	char	*help;
};

/**
 * struct params - all of them
 * @param: each, sorted
 * @count: of them
 */
struct params {
	struct param	*param;
	size_t		count;
};

void params_list(struct params *params, const char *instance);
void params_explain(struct params *params);
void params_free(struct params *params);
const struct param *params_find(const struct params *params, const char *name);
char *params_hint(const struct params *params, const char *name);
bool param_is_live(const struct param *param);
bool param_has_value(const struct param *param);

void param_spell(char *name);
char *settings_dir(const char *instance);
char *setting_path(const char *instance, const char *name);
char *setting_value(const char *instance, const char *name);
int setting_write(const char *instance, const char *name, const char *value);
bool is_instance_name(const char *name);

#endif /* SLUICECTL_PARAMS_H */
