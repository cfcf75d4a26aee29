/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is said to who called, and what is returned.
 */
#ifndef SLUICECTL_SAY_H
#define SLUICECTL_SAY_H

/* As the kernel has it. */
#define __printf(format, first)	__attribute__((__format__(printf, format, first)))

/* Exit statuses: a contract, see sluicectl(8). */
enum status {
	STATUS_OK,
	STATUS_FAILED,		/* refused, or it went wrong */
	STATUS_USAGE,		/* the command line makes no sense */
	STATUS_NOT_LOADED,	/* there is no module to ask */
	STATUS_WARNED,		/* doctor: nothing bad, but something to look at */
	STATUS_WAITING,		/* unload: it was begun, and has not ended in time */
};

void say(const char *format, ...) __printf(1, 2);
void show_word(const char *word);
enum status usage_error(const char *format, ...) __printf(1, 2);
enum status not_loaded(void);

#endif /* SLUICECTL_SAY_H */
