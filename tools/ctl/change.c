// SPDX-License-Identifier: GPL-2.0
/*
 * Changes of settings: all of them, or none.
 *
 * Some go together only in one order (standalone=0 needs a backend_port).  Which is for the
 * kernel to know: what it refuses is tried again when others have been made.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "change.h"
#include "kmsg.h"
#include "params.h"
#include "say.h"

void changes_add(struct changes *changes, const char *instance, const char *name,
		 const char *value, const char *where)
{
	changes->one = need(realloc(changes->one, (changes->count + 1) * sizeof(*changes->one)));
	changes->one[changes->count++] = (struct change){
		.instance	= instance ? copy_of(instance) : NULL,
		.name		= copy_of(name),
		.value		= copy_of(value),
		.old		= setting_value(instance, name),
		.where		= where ? copy_of(where) : NULL,
	};
}

void changes_free(struct changes *changes)
{
	size_t i;

	for (i = 0; i < changes->count; i++) {
		struct change *change = &changes->one[i];

		free(change->instance);
		free(change->name);
		free(change->value);
		free(change->old);
		free(change->where);
		text_free(&change->said);
	}
	free(changes->one);
	*changes = (struct changes){ 0 };
}

static void make_one(struct change *change, int kmsg)
{
	struct text before = { 0 };

	kmsg_take(kmsg, &before);
	text_free(&before);
	text_free(&change->said);
	change->err = setting_write(change->instance, change->name, change->value);
	change->done = !change->err;
	if (change->err)
		kmsg_take(kmsg, &change->said);
}

/* Return: how many have been made */
static size_t make_those_that_can(struct changes *changes, int kmsg)
{
	size_t i, made = 0;

	for (i = 0; i < changes->count; i++) {
		if (changes->one[i].done)
			continue;
		make_one(&changes->one[i], kmsg);
		made += changes->one[i].done;
	}
	return made;
}

static const char *what_to_do(const struct change *change)
{
	switch (change->err) {
	case -E2BIG:
		return "expected at most 4094 bytes";
	case -EBUSY:
		return "it is fixed while the instance serves: 0 to its live first";
	case -ENOENT:
		return "see whether the module is still loaded: sluicectl status";
	case -ENODEV:
		return "the module is being unloaded; wait, and load it again";
	}
	return geteuid() ? "only root may: sudo sluicectl ..." :
			   "see what it takes in sluice(4), and 'dmesg | grep sluice'";
}

static void say_refused(const struct change *change)
{
	say("%s%s%s%s%s=%s: refused: %s", change->where ? change->where : "",
	    change->where ? ": " : "", change->instance ? change->instance : "",
	    change->instance ? ": " : "", change->name, change->value,
	    strerror(-change->err));
	if (!kmsg_repeat(&change->said))
		say("%s", what_to_do(change));
}

static bool say_all_refused(const struct changes *changes)
{
	bool any = false;
	size_t i;

	for (i = 0; i < changes->count; i++) {
		if (changes->one[i].done)
			continue;
		say_refused(&changes->one[i]);
		any = true;
	}
	return any;
}

/* What is refused is said. Return: all were made; else some may have been, see below */
bool changes_make(struct changes *changes)
{
	int kmsg = kmsg_open();

	while (make_those_that_can(changes, kmsg))
		;
	kmsg_close(kmsg);
	return !say_all_refused(changes);
}

/* The other way round: what was is a change too, in the order that undoes it. */
static void turn_round(const struct changes *changes, struct changes *back)
{
	size_t i;

	for (i = changes->count; i--;) {
		const struct change *change = &changes->one[i];

		if (change->done && change->old)
			changes_add(back, change->instance, change->name, change->old, NULL);
	}
}

/* Put back what was made of them. Return: all is as it was; if not that is said */
bool changes_undo(struct changes *changes)
{
	struct changes back = { 0 };
	bool good;

	turn_round(changes, &back);
	good = changes_make(&back);
	if (good && back.count)
		say("all is as it was: %zu that had been set %s put back", back.count,
		    back.count == 1 ? "was" : "were");
	else if (good)
		say("all is as it was");
	else
		say("the settings above could not be put back: look at them with 'sluicectl get'");
	changes_free(&back);
	return good;
}
