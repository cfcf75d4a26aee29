/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What stands before and among the words of a command.
 */
#ifndef SLUICECTL_OPTIONS_H
#define SLUICECTL_OPTIONS_H

#include <stdbool.h>

/**
 * struct options - of this call
 * @root:     put in front of /sys, /proc, /dev and /etc; "" for this machine
 * @instance: NULL: the one that is made of the module's parameters
 * @module:   a file to load, or to ask for its parameters; NULL: the installed one
 * @output:   of metrics; NULL: standard output
 * @json:     of status
 * @full:     of get: also what it is and when it takes effect
 * @once:     of top
 * @interval: of top, in seconds
 * @timeout:  of unload, in seconds; negative: by unload_timeout
 */
struct options {
	const char	*root;
	const char	*instance;
	const char	*module;
	const char	*output;
	bool		json;
	bool		full;
	bool		once;
	double		interval;
	double		timeout;
};

extern struct options options;

#endif /* SLUICECTL_OPTIONS_H */
