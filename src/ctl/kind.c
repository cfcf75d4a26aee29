// SPDX-License-Identifier: GPL-2.0
/*
 * Kinds of settings.
 *
 * A value that others read without a lock is written in one go; those of a site are not
 * read by anybody yet.  Context of all: process, lock of the instance.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/kstrtox.h>
#include <linux/limits.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "base/pass_through.h"
#include "ctl/kind.h"
#include "loan/handoff.h"

static int number_take(const struct setting *setting, const char *text, void *value)
{
	unsigned int number;
	int err = kstrtouint(text, 0, &number);

	if (err)
		return err;
	if (number < setting->min || number > setting->max)
		return -ERANGE;
	WRITE_ONCE(*(unsigned int *)value, number);
	return 0;
}

static int number_show(const struct setting *setting, char *buf, const void *value)
{
	return sysfs_emit(buf, "%u\n", *(const unsigned int *)value);
}

const struct setting_kind setting_number = {
	.size = sizeof(unsigned int),
	.take = number_take,
	.show = number_show,
};

static int toggle_take(const struct setting *setting, const char *text, void *value)
{
	bool toggle;
	int err = kstrtobool(text, &toggle);

	if (!err)
		WRITE_ONCE(*(bool *)value, toggle);
	return err;
}

static int toggle_show(const struct setting *setting, char *buf, const void *value)
{
	return sysfs_emit(buf, "%d\n", *(const bool *)value);
}

const struct setting_kind setting_toggle = {
	.size = sizeof(bool),
	.take = toggle_take,
	.show = toggle_show,
};

static int choice_take(const struct setting *setting, const char *text, void *value)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (sysfs_streq(text, setting->word[i])) {
			WRITE_ONCE(*(bool *)value, i);
			return 0;
		}
	}
	return -EINVAL;
}

static int choice_show(const struct setting *setting, char *buf, const void *value)
{
	return sysfs_emit(buf, "%s\n", setting->word[*(const bool *)value]);
}

const struct setting_kind setting_choice = {
	.size = sizeof(bool),
	.take = choice_take,
	.show = choice_show,
};

static int uid_take(const struct setting *setting, const char *text, void *value)
{
	unsigned int uid = SLUICE_ANY_UID;

	if (!sysfs_streq(text, "any") && (kstrtouint(text, 0, &uid) || uid > INT_MAX))
		return -EINVAL;
	WRITE_ONCE(*(unsigned int *)value, uid);
	return 0;
}

static int uid_show(const struct setting *setting, char *buf, const void *value)
{
	if (*(const unsigned int *)value == SLUICE_ANY_UID)
		return sysfs_emit(buf, "any\n");
	return number_show(setting, buf, value);
}

const struct setting_kind setting_uid = {
	.size = sizeof(unsigned int),
	.take = uid_take,
	.show = uid_show,
};

static int mode_take(const struct setting *setting, const char *text, void *value)
{
	return kstrtouint(text, 8, value);
}

static int mode_show(const struct setting *setting, char *buf, const void *value)
{
	return sysfs_emit(buf, "%04o\n", *(const unsigned int *)value);
}

const struct setting_kind setting_mode = {
	.size = sizeof(unsigned int),
	.take = mode_take,
	.show = mode_show,
};

static const char *const symlinks_words[] = {
	[SLUICE_SYMLINKS_BENEATH]	= "beneath",
	[SLUICE_SYMLINKS_NONE]		= "none",
	[SLUICE_SYMLINKS_ANY]		= "any",
};

static int symlinks_take(const struct setting *setting, const char *text, void *value)
{
	int word = sysfs_match_string(symlinks_words, text);

	if (word < 0)
		return word;
	*(enum sluice_symlinks *)value = word;
	return 0;
}

static int symlinks_show(const struct setting *setting, char *buf, const void *value)
{
	return sysfs_emit(buf, "%s\n", symlinks_words[*(const enum sluice_symlinks *)value]);
}

const struct setting_kind setting_symlinks = {
	.size = sizeof(enum sluice_symlinks),
	.take = symlinks_take,
	.show = symlinks_show,
};

/* Return: its length, without the newline of an echo; -errno */
static int string_take(const char *text, char *value, size_t size)
{
	size_t len = strcspn(text, "\n");

	if (text[len] && text[len + 1])
		return -EINVAL;
	if (len >= size)
		return -E2BIG;
	memcpy(value, text, len);
	value[len] = '\0';
	return len;
}

static int string_show(const struct setting *setting, char *buf, const void *value)
{
	return sysfs_emit(buf, "%s\n", (const char *)value);
}

static int text_take(const struct setting *setting, const char *text, void *value)
{
	struct sluice_text *to = value;
	int len = string_take(text, to->buf, sizeof(to->buf));

	if (len < 0)
		return -EINVAL;
	to->len = len;
	return 0;
}

static int text_show(const struct setting *setting, char *buf, const void *value)
{
	const struct sluice_text *from = value;

	return string_show(setting, buf, from->buf);
}

const struct setting_kind setting_text = {
	.size = sizeof(struct sluice_text),
	.take = text_take,
	.show = text_show,
};

static int words_take(const struct setting *setting, const char *text, void *value)
{
	return sluice_words_parse(value, text) ? -EINVAL : 0;
}

static int words_show(const struct setting *setting, char *buf, const void *value)
{
	const struct sluice_words *words = value;

	return string_show(setting, buf, words->text);
}

const struct setting_kind setting_words = {
	.size = sizeof(struct sluice_words),
	.take = words_take,
	.show = words_show,
};

/* A newline at the end is that of an echo. */
static int lines_take(const struct setting *setting, const char *text, void *value)
{
	size_t len = strlen(text);

	if (len && text[len - 1] == '\n')
		len--;
	if (len >= SLUICE_TEXT_MAX)
		return -EINVAL;
	memcpy(value, text, len);
	((char *)value)[len] = '\0';
	return 0;
}

const struct setting_kind setting_lines = {
	.size = SLUICE_TEXT_MAX,
	.take = lines_take,
	.show = string_show,
};

static int path_take(const struct setting *setting, const char *text, void *value)
{
	int len = string_take(text, value, SLUICE_TEXT_MAX);

	return min(len, 0);
}

const struct setting_kind setting_path = {
	.size = SLUICE_TEXT_MAX,
	.take = path_take,
	.show = string_show,
};

static int address_take(const struct setting *setting, const char *text, void *value)
{
	int len = string_take(text, value, SLUICE_ADDRESS_SIZE);

	if (!len)
		strscpy(value, SLUICE_ADDRESS_DEFAULT, SLUICE_ADDRESS_SIZE);
	return min(len, 0);
}

const struct setting_kind setting_address = {
	.size = SLUICE_ADDRESS_SIZE,
	.take = address_take,
	.show = string_show,
};

static int ports_parse(char *rest, struct sluice_ports *ports)
{
	char *word;
	u16 port;

	while ((word = strsep(&rest, ","))) {
		if (kstrtou16(strim(word), 10, &port) || !port || sluice_ports_have(ports, port) ||
		    ports->count == ARRAY_SIZE(ports->port))
			return -EINVAL;
		ports->port[ports->count++] = port;
	}
	return 0;
}

static int ports_take(const struct setting *setting, const char *text, void *value)
{
	struct sluice_ports ports = {};
	char *copy = kstrdup(text, GFP_KERNEL);
	int err = 0;

	if (!copy)
		return -ENOMEM;
	if (*strim(copy))
		err = ports_parse(strim(copy), &ports);
	if (!err)
		*(struct sluice_ports *)value = ports;
	kfree(copy);
	return err;
}

static int ports_show(const struct setting *setting, char *buf, const void *value)
{
	const struct sluice_ports *ports = value;
	unsigned int i;
	int len = 0;

	for (i = 0; i < ports->count; i++)
		len += sysfs_emit_at(buf, len, "%s%u", i ? "," : "", ports->port[i]);
	return len + sysfs_emit_at(buf, len, "\n");
}

const struct setting_kind setting_ports = {
	.size = sizeof(struct sluice_ports),
	.take = ports_take,
	.show = ports_show,
};

/* Has no value: it is for what it does. */
static int trigger_take(const struct setting *setting, const char *text, void *value)
{
	bool pulled;
	int err = kstrtobool(text, &pulled);

	return err ?: pulled ? 0 : -EINVAL;
}

const struct setting_kind setting_trigger = {
	.take = trigger_take,
};

/* Say what was expected instead of @text. */
void setting_refuse(const struct sluice_instance *instance, const struct setting *setting,
		    const char *text)
{
	instance_err(instance, "%s=%.*s: expected %s\n", setting->name,
		     (int)min_t(size_t, strcspn(text, "\n"), 100), text, setting->expected);
}

/* No type of C says so of a place in a table, nor that what stands there is ever looked at. */
static bool is_sane(const struct setting *setting)
{
	return setting->size == setting->kind->size &&
	       !(setting->of == OF_SITE ? (bool)setting->changed :
					  setting->settle || setting->check);
}

/**
 * setting_apply() - take a text
 * @instance: for which
 * @setting:  whose
 * @text:     as it was written
 * @value:    where to
 *
 * Return: 0; -EINVAL, or -E2BIG of a path or of addresses, with a line in the kernel log.
 */
int setting_apply(const struct sluice_instance *instance, const struct setting *setting,
		  const char *text, void *value)
{
	int err;

	if (SLUICE_WARN_ON(!is_sane(setting)))
		return -EINVAL;
	err = setting->kind->take(setting, text, value);
	if (err)
		setting_refuse(instance, setting, text);
	return err == -E2BIG ? err : err ? -EINVAL : 0;
}
