/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The only door between src/http/ and the world: types, errno values and
 * string functions, from the kernel or from the C library.  Nothing else in
 * this directory may ask where it is being compiled.
 */
#ifndef SLUICE_HTTP_PURE_H
#define SLUICE_HTTP_PURE_H

#ifdef __KERNEL__

#include <linux/types.h>
#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/string.h>

#else

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/cdefs.h>
#include <sys/types.h>

/* The very types of the kernel, so that printf formats agree as well. */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef int s32;
typedef unsigned long long u64;
typedef long long s64;

#define U16_MAX		0xffff
#define S32_MAX		__INT_MAX__
#define S64_MAX		__LONG_LONG_MAX__
#define S64_MIN		(-S64_MAX - 1)

#define BIT(n)		(1UL << (n))
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#define min(a, b)	((a) < (b) ? (a) : (b))
#define max(a, b)	((a) > (b) ? (a) : (b))
#define noinline	__attribute_noinline__
#define __uninitialized
#define __must_check	__attribute__((__warn_unused_result__))

#endif /* __KERNEL__ */

/* Bytes from anywhere, the first of them in the lowest bits. */
static inline u32 load_le32(const u8 *p)
{
	u32 word;

	__builtin_memcpy(&word, p, sizeof(word));
	if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
		word = __builtin_bswap32(word);
	return word;
}

static inline u64 load_le64(const u8 *p)
{
	u64 word;

	__builtin_memcpy(&word, p, sizeof(word));
	if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
		word = __builtin_bswap64(word);
	return word;
}

#define EACH_BYTE(c)	(0x0101010101010101ULL * (c))

/* Which byte of a word has the lowest of the bits that are set in @marks? */
static inline size_t first_marked_byte(u64 marks)
{
	return (size_t)__builtin_ctzll(marks) / 8;
}

#endif /* SLUICE_HTTP_PURE_H */
