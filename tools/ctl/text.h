/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Text that grows, and memory that is there or the program ends.
 */
#ifndef SLUICECTL_TEXT_H
#define SLUICECTL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "say.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/**
 * struct text - bytes, with a NUL behind them
 * @buf:  NULL: none yet, and @len is 0
 * @len:  without the NUL
 * @size: of the memory
 */
struct text {
	char	*buf;
	size_t	len;
	size_t	size;
};

void *need(void *memory);
char *copy_of(const char *from);
char *copy_of_part(const char *from, size_t len);
char *print(const char *format, ...) __printf(1, 2);

char *text_room(struct text *text, size_t len);
void text_add(struct text *text, const char *from, size_t len);
void text_print(struct text *text, const char *format, ...) __printf(2, 3);
const char *text_of(const struct text *text);
void text_free(struct text *text);

bool begins(const char *text, const char *with);
char *trim(char *text);
bool is_blank(char c);

#endif /* SLUICECTL_TEXT_H */
