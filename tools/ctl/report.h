/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Findings of doctor, a line each.
 */
#ifndef SLUICECTL_REPORT_H
#define SLUICECTL_REPORT_H

#include "conf.h"
#include "say.h"

/**
 * struct report - what was found so far
 * @conf:     the configuration, or nothing if there is none
 * @loaded:   the module is
 * @warnings: how many
 * @bad:      likewise
 */
struct report {
	struct conf	conf;
	bool		loaded;
	unsigned int	warnings;
	unsigned int	bad;
};

/* What was found; and what to do, if it is not good. */
void found_ok(struct report *report, const char *format, ...) __printf(2, 3);
void found_warning(struct report *report, const char *format, ...) __printf(2, 3);
void found_bad(struct report *report, const char *format, ...) __printf(2, 3);

char *in_effect(const struct report *report, const char *name, const char *otherwise);
unsigned long number_in_effect(const struct report *report, const char *name,
			       const char *otherwise);

void look_at_kernels(struct report *report);
void look_at_files(struct report *report);
void look_at_ports(struct report *report);
void look_at_limits(struct report *report);

#endif /* SLUICECTL_REPORT_H */
