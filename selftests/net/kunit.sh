#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The unit tests of the pure files (selftests/unit) in a kernel that has KUnit, such
# as debug: compiled as they are for sluice, with that kernel's string functions and
# its checks.

kunit=/sys/kernel/debug/kunit

if [ ! -d $kunit ]; then
	echo "1..0 # SKIP this kernel has no KUnit"
	exit 4
fi
insmod "$SLUICE_BUILD/selftests/unit/sluice_unit.ko" || exit
# The kernel nests them below the one result of the suite.
results=$(sed -n 's/^    //p' $kunit/sluice_unit/results)
rmmod sluice_unit
printf '%s\n' "$results"
# It loads whatever its tests say, and also when they could not begin.
awk '
/^1\.\./	{ plan = substr($0, 4) }
/^ok /		{ passed++ }
END		{ exit !plan || passed != plan }' <<<"$results"
