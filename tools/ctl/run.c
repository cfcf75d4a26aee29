// SPDX-License-Identifier: GPL-2.0
/*
 * Other programs: modprobe, rmmod, modinfo.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "run.h"
#include "say.h"

/* As a shell says it when there is no such program. */
#define NOT_FOUND 127

double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

void rest(double seconds)
{
	struct timespec time = {
		.tv_sec = (time_t)seconds,
		.tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9),
	};

	nanosleep(&time, NULL);
}

/* Where modprobe is may not be in the path of who is not root. */
static void widen_path(void)
{
	const char *path = getenv("PATH");
	char *wide = print("%s:/usr/sbin:/sbin:/usr/bin:/bin", path ? path : "");

	setenv("PATH", wide, 1);
	free(wide);
}

/**
 * run_start() - start a program
 * @words: its name and arguments, NULL as the last
 * @out:   what it writes to, or -1: what we write to
 *
 * Return: who it is, or -errno.
 */
pid_t run_start(char *const *words, int out)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid)
		return pid < 0 ? -errno : pid;
	if (out >= 0)
		dup2(out, STDOUT_FILENO);
	widen_path();
	execvp(words[0], words);
	say("cannot run %s: %m", words[0]);
	_exit(NOT_FOUND);
}

/**
 * run_ended() - wait for a program
 * @pid:     who
 * @seconds: that it has; negative: as long as it takes
 *
 * Return: its exit status, 128 and more for a signal, -ETIMEDOUT if it goes on.
 */
int run_ended(pid_t pid, double seconds)
{
	double end = now() + seconds;
	int status;
	pid_t got;

	while ((got = waitpid(pid, &status, seconds < 0 ? 0 : WNOHANG)) != pid) {
		if (got < 0 && errno != EINTR)
			return -errno;
		if (seconds >= 0 && now() > end)
			return -ETIMEDOUT;
		if (!got)
			rest(0.01);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Of what is too much the rest is read, and forgotten: who writes is not to be killed. */
static void read_pipe(int fd, size_t max, struct text *text)
{
	char buf[4096];
	ssize_t len;

	while ((len = read(fd, buf, sizeof(buf))) > 0 || (len < 0 && errno == EINTR))
		if (len > 0 && text->len + len <= max)
			text_add(text, buf, len);
}

/* Add what it prints. Return: its exit status, or -errno */
int run_output(char *const *words, size_t max, struct text *text)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	pid = run_start(words, ends[1]);
	close(ends[1]);
	if (pid > 0)
		read_pipe(ends[0], max, text);
	close(ends[0]);
	return pid < 0 ? pid : run_ended(pid, -1);
}

int run_wait(char *const *words)
{
	pid_t pid = run_start(words, -1);

	return pid < 0 ? pid : run_ended(pid, -1);
}
