// SPDX-License-Identifier: GPL-2.0
/*
 * doctor: the kernel that runs, the one that will run next, and whether they take the module.
 */
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "text.h"
#include "tree.h"

#define MODULES		"/lib/modules"
#define SECURE_BOOT	"/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

static bool has_module(const char *release)
{
	char *path = print(MODULES "/%s/modules.dep", release);
	struct text text = { 0 };
	bool has;

	tree_read(path, TREE_FILE_MAX, &text);
	has = strstr(text_of(&text), "/sluice.ko");
	text_free(&text);
	free(path);
	return has;
}

static bool has_headers(const char *release)
{
	char *path = print(MODULES "/%s/build/Makefile", release);
	bool has = tree_mode(path) >= 0;

	free(path);
	return has;
}

/* @which: "runs", "is the newest" */
static void look_at_kernel(struct report *report, const char *release, const char *which)
{
	if (has_module(release))
		found_ok(report, "kernel %s, which %s: the module is there", release, which);
	else
		found_bad(report, "kernel %s, which %s: no module; 'dkms autoinstall -k %s', and see /var/lib/dkms/sluice",
			  release, which, release);
	if (has_headers(release))
		found_ok(report, "kernel %s: headers are there", release);
	else
		found_warning(report, "kernel %s: no headers, so no module can be built; 'apt install linux-headers-%s'",
			      release, release);
}

/* For the caller to free; NULL: none is installed. A directory without a list is a rest. */
static char *newest_kernel(void)
{
	size_t count, i;
	char **names = tree_list(MODULES, &count);
	char *newest = NULL;

	for (i = 0; i < count; i++) {
		char *path = print(MODULES "/%s/modules.dep", names[i]);

		if (tree_mode(path) >= 0 && (!newest || strverscmp(names[i], newest) > 0)) {
			free(newest);
			newest = copy_of(names[i]);
		}
		free(path);
	}
	free_list(names, count);
	return newest;
}

static bool secure_boot(void)
{
	struct text text = { 0 };
	bool on = !tree_read(SECURE_BOOT, TREE_FILE_MAX, &text) && text.len == 5 &&
		  text.buf[4] == 1;

	text_free(&text);
	return on;
}

/* "none [integrity] confidentiality": that in brackets is in effect. */
static bool is_locked_down(void)
{
	char *line = tree_line("/sys/kernel/security/lockdown");
	bool on = line && !strstr(line, "[none]");

	free(line);
	return on;
}

static bool wants_signatures(void)
{
	char *line = tree_line("/sys/module/module/parameters/sig_enforce");
	bool on = line && !strcmp(line, "Y");

	free(line);
	return on;
}

static void look_at_signatures(struct report *report)
{
	const char *what = secure_boot() ? "Secure Boot" : is_locked_down() ? "lockdown" :
			   wants_signatures() ? "module.sig_enforce" : NULL;

	if (!what)
		found_ok(report, "signatures: none is asked for");
	else if (report->loaded)
		found_ok(report, "signatures: %s, and the module is loaded", what);
	else
		found_warning(report, "signatures: %s is on; enrol DKMS's key: 'mokutil --import /var/lib/dkms/mok.pub', then reboot",
			      what);
}

void look_at_kernels(struct report *report)
{
	char *running = tree_line("/proc/sys/kernel/osrelease");
	char *newest = newest_kernel();

	if (running)
		look_at_kernel(report, running, "runs");
	if (newest && (!running || strcmp(running, newest)))
		look_at_kernel(report, newest, "is the newest");
	look_at_signatures(report);
	free(newest);
	free(running);
}
