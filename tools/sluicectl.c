// SPDX-License-Identifier: GPL-2.0
/*
 * sluicectl: one command for who runs sluice.
 */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/commands.h"
#include "ctl/options.h"
#include "ctl/text.h"

#ifndef VERSION
#define VERSION "unknown"
#endif

struct options options = {
	.root		= "",
	.interval	= 1,
	.timeout	= -1,
};

/**
 * struct command - one of them
 * @name:    by which it is called
 * @takes:   options, by their short letters
 * @most:    words behind it at most
 * @run:     does it
 * @synopsis: for --help
 */
static const struct command {
	const char	*name;
	const char	*takes;
	int		most;
	enum status	(*run)(int count, char **words);
	const char	*synopsis;
} commands[] = {
	{ "status", "j", 0, cmd_status,
	  "status [--json]              what it does, for whom, why not the rest" },
	{ "get", "if", 1000, cmd_get,
	  "get [--full] [NAME...]       settings" },
	{ "set", "i", 1000, cmd_set,
	  "set NAME=VALUE...            change them, all or none" },
	{ "check", "m", 1, cmd_check,
	  "check [FILE]                 is the configuration in order" },
	{ "reload", "m", 1, cmd_reload,
	  "reload [FILE]                make the settings what it says, all or none" },
	{ "load", "m", 1, cmd_load,
	  "load [FILE]                  load the module as it says" },
	{ "unload", "t", 0, cmd_unload,
	  "unload [--timeout SECONDS]   unload it" },
	{ "metrics", "o", 0, cmd_metrics,
	  "metrics [--output FILE]      counters, for Prometheus" },
	{ "top", "1n", 0, cmd_top,
	  "top [--once] [--interval S]  what happens now" },
	{ "doctor", "m", 1, cmd_doctor,
	  "doctor [FILE]                what is wrong, or will be" },
};

static const struct option long_options[] = {
	{ "root", required_argument, NULL, 'r' },
	{ "instance", required_argument, NULL, 'i' },
	{ "module", required_argument, NULL, 'm' },
	{ "output", required_argument, NULL, 'o' },
	{ "json", no_argument, NULL, 'j' },
	{ "full", no_argument, NULL, 'f' },
	{ "once", no_argument, NULL, '1' },
	{ "interval", required_argument, NULL, 'n' },
	{ "timeout", required_argument, NULL, 't' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static enum status help(void)
{
	size_t i;

	puts("usage: sluicectl [OPTION...] COMMAND [WORD...]\n");
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %s\n", commands[i].synopsis);
	puts("\nFILE is /etc/sluice/sluice.conf unless it is said.\n\n"
	     "  --instance NAME   of get and set: of an instance below /sys/module/sluice/instances\n"
	     "  --module FILE     a sluice.ko that is not installed\n"
	     "  --root DIR        put in front of /sys, /proc, /dev, /etc, and FILE\n\n"
	     "Examples:\n"
	     "  sluicectl set docroot=/srv/www keepalive_timeout=15\n"
	     "  sluicectl check /tmp/new.conf && sluicectl reload /tmp/new.conf\n\n"
	     "Exit status: 0 done; 1 refused, or failed; 2 wrong usage; 3 sluice is not loaded;\n"
	     "4 doctor has warnings; 5 unload takes longer.  More: sluicectl(8), sluice.conf(5), sluice(4).");
	return STATUS_OK;
}

static bool take_seconds(const char *text, double least, double *seconds)
{
	char *end;

	errno = 0;
	*seconds = strtod(text, &end);
	return !errno && end != text && !*end && isfinite(*seconds) && *seconds >= least &&
	       *seconds <= 86400;
}

static enum status take_option(int letter)
{
	switch (letter) {
	case 'r':
		options.root = optarg;
		break;
	case 'i':
		options.instance = optarg;
		break;
	case 'm':
		options.module = optarg;
		break;
	case 'o':
		options.output = optarg;
		break;
	case 'j':
		options.json = true;
		break;
	case 'f':
		options.full = true;
		break;
	case '1':
		options.once = true;
		break;
	case 'n':
		if (!take_seconds(optarg, 0.01, &options.interval))
			return usage_error("--interval %s: expected seconds, from 0.01",
					   optarg);
		break;
	case 't':
		if (!take_seconds(optarg, 0, &options.timeout))
			return usage_error("--timeout %s: expected seconds", optarg);
		break;
	}
	return STATUS_OK;
}

static const struct command *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(name, commands[i].name))
			return &commands[i];
	return NULL;
}

/* Return: the letter of an option that the command has no use for, or 0 */
static int superfluous(const struct command *command, const bool *given)
{
	const struct option *option;

	for (option = long_options; option->name; option++)
		if (given[option->val] && option->val != 'r' &&
		    !strchr(command->takes, option->val))
			return option->val;
	return 0;
}

static const char *name_of(int letter)
{
	const struct option *option = long_options;

	while (option->val != letter)
		option++;
	return option->name;
}

static enum status run(const bool *given, int count, char **words)
{
	const struct command *command;
	int letter;

	if (!count)
		return usage_error("which command? expected status, get, set, ...");
	command = find_command(words[0]);
	if (!command)
		return usage_error("there is no command '%s'", words[0]);
	letter = superfluous(command, given);
	if (letter)
		return usage_error("%s has no option --%s", command->name, name_of(letter));
	if (count - 1 > command->most)
		return usage_error("%s: what is '%s'?", command->name, words[1 + command->most]);
	return command->run(count - 1, words + 1);
}

/* What was not written is not done: a full disk, a reader that left. */
static enum status end(enum status status)
{
	if (fflush(stdout) || ferror(stdout)) {
		say("cannot write: %m");
		return STATUS_FAILED;
	}
	return status;
}

int main(int argc, char **argv)
{
	bool given[128] = { false };
	int letter;

	while ((letter = getopt_long(argc, argv, "hV", long_options, NULL)) != -1) {
		if (letter == '?')
			return usage_error("that is no option of sluicectl");
		if (letter == 'h')
			return end(help());
		if (letter == 'V') {
			puts("sluicectl " VERSION);
			return end(STATUS_OK);
		}
		given[letter] = true;
		if (take_option(letter))
			return STATUS_USAGE;
	}
	return end(run(given, argc - optind, argv + optind));
}
