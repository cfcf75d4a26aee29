// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin of QEMU's that counts how often each piece of code runs, for bench/run
 * --hotspots.  With -icount that is all that there is to know of where time goes.
 *
 * -plugin hotspots.so,dir=DIR: what runs between the time that DIR/begin is there and the
 * time that DIR/end is goes to DIR/counts.NAME, where NAME is what stands in DIR/end.
 * Either file is removed when it has had its effect.  A line for each piece: its address,
 * how many instructions it has, how often it ran.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qemu-plugin.h"

int qemu_plugin_version = QEMU_PLUGIN_VERSION;

/* QEMU translates a piece of code anew now and then: several may be of one address. */
struct piece {
	struct piece		*next;
	unsigned long long	address;
	unsigned long long	insns;
	unsigned long long	runs;
	unsigned long long	runs_at_begin;
};

static struct piece *pieces;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char directory[1024];

static void translated(unsigned long long id, struct qemu_plugin_tb *tb)
{
	struct piece *piece = calloc(1, sizeof(*piece));

	(void)id;
	if (!piece)
		abort();
	piece->address = qemu_plugin_tb_vaddr(tb);
	piece->insns = qemu_plugin_tb_n_insns(tb);
	pthread_mutex_lock(&lock);
	piece->next = pieces;
	pieces = piece;
	pthread_mutex_unlock(&lock);
	qemu_plugin_register_vcpu_tb_exec_inline(tb, QEMU_PLUGIN_INLINE_ADD_U64, &piece->runs, 1);
}

/* Processors go on meanwhile: what they do within these few instructions is lost. */
static void begin(void)
{
	struct piece *piece;

	pthread_mutex_lock(&lock);
	for (piece = pieces; piece; piece = piece->next)
		piece->runs_at_begin = piece->runs;
	pthread_mutex_unlock(&lock);
}

static void end(const char *name)
{
	char path[2048];
	struct piece *piece;
	FILE *f;

	snprintf(path, sizeof(path), "%s/counts.%s", directory, name);
	f = fopen(path, "w");
	if (!f) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	pthread_mutex_lock(&lock);
	for (piece = pieces; piece; piece = piece->next)
		if (piece->runs != piece->runs_at_begin)
			fprintf(f, "%llx %llu %llu\n", piece->address,
				piece->insns,
				piece->runs - piece->runs_at_begin);
	pthread_mutex_unlock(&lock);
	fclose(f);
}

/* Read the line in a mark, if it is there already, and all of it. */
static bool read_mark(const char *mark, char *text, size_t size)
{
	char path[2048];
	char *newline = NULL;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", directory, mark);
	f = fopen(path, "r");
	if (!f)
		return false;
	if (fgets(text, size, f))
		newline = strchr(text, '\n');
	fclose(f);
	if (!newline)
		return false;
	*newline = '\0';
	return true;
}

static void remove_mark(const char *mark)
{
	char path[2048];

	snprintf(path, sizeof(path), "%s/%s", directory, mark);
	unlink(path);
}

static void *watch(void *unused)
{
	char name[256];

	(void)unused;
	for (;;) {
		usleep(500);
		if (read_mark("begin", name, sizeof(name))) {
			begin();
			remove_mark("begin");
		}
		if (read_mark("end", name, sizeof(name))) {
			end(name);
			remove_mark("end");
		}
	}
	return NULL;
}

int qemu_plugin_install(unsigned long long id, const void *info, int argc, char **argv)
{
	pthread_t watcher;
	int i;

	(void)info;
	for (i = 0; i < argc; i++)
		if (!strncmp(argv[i], "dir=", 4))
			snprintf(directory, sizeof(directory), "%s", argv[i] + 4);
	if (!directory[0])
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return pthread_create(&watcher, NULL, watch, NULL);
}
