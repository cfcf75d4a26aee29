// SPDX-License-Identifier: GPL-2.0

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "unit.h"

#define PAGE	4096

/* UNIT_GUARD_MAX bytes between two pages without any permission */
static u8 *guarded_map(void)
{
	size_t size = UNIT_GUARD_MAX + 2 * PAGE;
	u8 *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED || mprotect(map, PAGE, PROT_NONE) ||
	    mprotect(map + size - PAGE, PAGE, PROT_NONE)) {
		perror("guard pages");
		exit(EXIT_FAILURE);
	}
	return map + PAGE;
}

static void must_fit(size_t len)
{
	if (len > UNIT_GUARD_MAX) {
		fprintf(stderr, "%zu bytes are too many for the guard pages\n", len);
		exit(EXIT_FAILURE);
	}
}

u8 *unit_guard_end(const void *data, size_t len)
{
	static u8 *map;
	u8 *copy;

	must_fit(len);
	if (!map)
		map = guarded_map();
	copy = map + UNIT_GUARD_MAX - len;
	if (len)
		memmove(copy, data, len);
	return copy;
}

u8 *unit_guard_start(const void *data, size_t len)
{
	static u8 *map;

	must_fit(len);
	if (!map)
		map = guarded_map();
	if (len)
		memmove(map, data, len);
	return map;
}
