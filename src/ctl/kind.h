/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a setting is, and how each kind of them is read and written.
 */
#ifndef SLUICE_CTL_KIND_H
#define SLUICE_CTL_KIND_H

#include <linux/stddef.h>
#include <linux/stringify.h>
#include <linux/types.h>

#include "ctl/instance.h"

struct setting;

enum setting_of {
	OF_SITE,
	OF_INSTANCE,
	OF_MODULE,
	OF_NOBODY,	/* it has no value */
};

/**
 * struct setting_kind - how texts and values of a kind go together
 * @size: of a value in bytes; 0: it has none
 * @take: take a text, a value only if it is one; -errno
 * @show: the value as text, with a newline; NULL: it has none
 */
struct setting_kind {
	size_t	size;
	int	(*take)(const struct setting *setting, const char *text, void *value);
	int	(*show)(const struct setting *setting, char *buf, const void *value);
};

extern const struct setting_kind setting_number;
extern const struct setting_kind setting_toggle;
extern const struct setting_kind setting_choice;
extern const struct setting_kind setting_uid;
extern const struct setting_kind setting_mode;
extern const struct setting_kind setting_symlinks;
extern const struct setting_kind setting_text;
extern const struct setting_kind setting_words;
extern const struct setting_kind setting_lines;
extern const struct setting_kind setting_path;
extern const struct setting_kind setting_address;
extern const struct setting_kind setting_ports;
extern const struct setting_kind setting_trigger;

/**
 * struct setting - what an administrator can turn
 * @name:   of the parameter
 * @mode:   of its file
 * @kind:   see above
 * @of:     whose value it is
 * @size:   of the value in bytes: what its kind says
 * @offset: in the site, or in the instance
 * @value:  of the module's
 * @min:    of a number
 * @max:    likewise
 * @word:   of a choice: for false, for true
 * @fixed:  while the instance is live
 * @expected: for the message to whom the text is none
 * @moves:  decides which file a path means, or what its head says: what was found before
 *          is not found any more
 * @settle: of the site's: does that make sense with the new value, whatever others are;
 *          may fill in what follows from it. NULL: always
 * @check:  of the site's: does it go together with the others, says itself if not. Not
 *          asked before the site is live: till then they come in any order. NULL: always
 * @changed: of the others: called when it was changed live
 */
struct setting {
	const char			*name;
	umode_t				mode;
	const struct setting_kind	*kind;
	enum setting_of			of;
	size_t				size;
	size_t				offset;
	void				*value;
	unsigned int			min;
	unsigned int			max;
	const char			*word[2];
	const char			*expected;
	bool				fixed;
	bool				moves;
	bool				(*settle)(struct sluice_site *site);
	int				(*check)(const struct sluice_instance *instance,
						 struct sluice_site *site);
	void				(*changed)(struct sluice_store *store);
};

/* Kinds, for an entry of a table. */
#define NUMBER(_min, _max)						\
	.kind = &setting_number, .min = _min, .max = _max,		\
	.expected = "a number from " __stringify(_min) " to " __stringify(_max)
#define TOGGLE								\
	.kind = &setting_toggle, .expected = "0 or 1"
#define CHOICE(_no, _yes)						\
	.kind = &setting_choice, .word = { _no, _yes },			\
	.expected = "\"" _no "\" or \"" _yes "\""
#define UID(_who)							\
	.kind = &setting_uid,						\
	.expected = "the number of " _who ", or \"any\""
#define MODE(_expected)							\
	.kind = &setting_mode, .expected = _expected
#define SYMLINKS							\
	.kind = &setting_symlinks,					\
	.expected = "\"beneath\", \"none\" or \"any\""
#define TEXT(_expected)							\
	.kind = &setting_text, .expected = _expected
#define WORDS(_expected)						\
	.kind = &setting_words, .expected = _expected
#define LINES(_expected)						\
	.kind = &setting_lines, .expected = _expected
#define PATH								\
	.kind = &setting_path,						\
	.expected = "a path of less than " __stringify(SLUICE_TEXT_MAX) " bytes"
#define ADDRESS								\
	.kind = &setting_address,					\
	.expected = "at most " __stringify(SLUICE_ADDRESSES_MAX)	\
		    " with commas between them, or listen on 0.0.0.0 or ::"
#define PORTS								\
	.kind = &setting_ports,						\
	.expected = "ports from 1 to 65535 with commas between them, each once, at most " \
		    __stringify(SLUICE_ADDRESSES_MAX) ", or nothing"
#define TRIGGER(_expected)						\
	.kind = &setting_trigger, .expected = _expected

void setting_refuse(const struct sluice_instance *instance, const struct setting *setting,
		    const char *text);
int setting_apply(const struct sluice_instance *instance, const struct setting *setting,
		  const char *text, void *value);

#endif /* SLUICE_CTL_KIND_H */
