// SPDX-License-Identifier: GPL-2.0
/*
 * Print the frequency of this machine's time stamp counter in kHz.
 *
 * QEMU without KVM shows the guest the host's counter. A guest that calibrates it
 * against an emulated timer gets it wrong when the host is busy, by a factor of
 * ten in the worst case, so scripts/vm tells it.
 */
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return now.tv_sec + now.tv_nsec * 1e-9;
}

int main(void)
{
	const struct timespec pause = { .tv_nsec = 200 * 1000 * 1000 };
	unsigned long long ticks;
	double start;

	start = seconds();
	ticks = __rdtsc();
	nanosleep(&pause, NULL);
	ticks = __rdtsc() - ticks;
	printf("%.0f\n", ticks / (seconds() - start) / 1000);
	return 0;
}
