// SPDX-License-Identifier: GPL-2.0
/*
 * Instances of the module: /sys/module/sluice/instances.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "change.h"
#include "instance.h"
#include "kmsg.h"
#include "params.h"
#include "say.h"
#include "text.h"
#include "tree.h"

/* A module that has none of it serves one site. */
bool instances_offered(void)
{
	return tree_mode(INSTANCES "/make") > 0;
}

/* Does @conf ask for what there is not; then that is said. */
bool instances_possible(const struct conf *conf)
{
	if (!conf->instances || instances_offered())
		return true;
	say("%s: [instance %s]: this module has no instances; expected no such section",
	    conf->file, conf->instance[0]);
	return false;
}

bool instance_exists(const char *name)
{
	char *dir = settings_dir(name);
	bool is = tree_is_dir(dir);

	free(dir);
	return is;
}

bool instance_is_live(const char *name)
{
	char *live = setting_value(name, "live");
	bool is = live && !strcmp(live, "1");

	free(live);
	return is;
}

/* Write @name to make or end. What is refused is said. */
static bool act(const char *file, const char *name)
{
	char *path = print(INSTANCES "/%s", file), *line = print("%s\n", name);
	int kmsg = kmsg_open(), err = tree_write(path, line);
	struct text said = { 0 };

	if (err) {
		say("%s: %s refused: %s", name, file, strerror(-err));
		kmsg_take(kmsg, &said);
		kmsg_repeat(&said);
	}
	text_free(&said);
	kmsg_close(kmsg);
	free(line);
	free(path);
	return !err;
}

/* The settings of @section, for the instance @name. */
static bool fill(const struct conf *conf, const char *section, const char *name, bool live)
{
	struct changes changes = { 0 };
	bool good;
	size_t i;

	for (i = 0; i < conf->count; i++) {
		const struct conf_line *line = &conf->line[i];
		char *where = conf_where(conf, line), *path = setting_path(name, line->name);

		/* Some are the machine's, and no instance has them. */
		if ((section ? line->instance && !strcmp(line->instance, section) :
			       !line->instance && tree_mode(path) >= 0))
			changes_add(&changes, name, line->name, line->value, where);
		free(path);
		free(where);
	}
	good = changes_make(&changes);
	changes_free(&changes);
	if (good && live) {
		changes_add(&changes, name, "live", "1", NULL);
		good = changes_make(&changes);
		changes_free(&changes);
	}
	return good;
}

/* Make, set, serve; or there is none, and why is said. */
bool instance_begin(const struct conf *conf, const char *name)
{
	if (!act("make", name))
		return false;
	if (fill(conf, name, name, true))
		return true;
	instance_end(name);
	return false;
}

bool instance_end(const char *name)
{
	return act("end", name);
}

/* Would the kernel take these settings: tell it to an instance that never serves. */
bool instance_try(const struct conf *conf, const char *section)
{
	char *name = print("check-%d", (int)getpid());
	bool good = act("make", name);

	if (good) {
		good = fill(conf, section, name, false);
		good &= instance_end(name);
	}
	free(name);
	return good;
}
