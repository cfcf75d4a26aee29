#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Large files arrive whole: from memory, from a disk, several at a time.

# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

make_disk() {
	modprobe loop		# no udev here that would make its device
	truncate -s 400M "$top/disk"
	mkfs.ext4 -q -F -m 0 -E lazy_itable_init=1,lazy_journal_init=1 "$top/disk"
	mkdir "$www/disk"
	mount -o loop "$top/disk" "$www/disk"
	mounts+=("$www/disk")
}

# Mostly holes: what is read is written nowhere. A mark each 10 MB tells where.
make_files() {
	local at

	head -c 3000000 /dev/urandom >"$www/3m.bin"
	cp "$www/3m.bin" "$www/disk/3m.bin"
	truncate -s 300000001 "$www/disk/300m.bin"
	for ((at = 0; at < 300; at += 10)); do
		head -c 5000 /dev/urandom |
			dd of="$www/disk/300m.bin" bs=1000 seek=$((at * 1000 + at)) conv=notrunc status=none
	done
	printf x | dd of="$www/disk/300m.bin" bs=1 seek=300000000 conv=notrunc status=none
	truncate -s 1000000 "$www/hole.bin"
	printf data | dd of="$www/hole.bin" bs=1 seek=500000 conv=notrunc status=none
	chmod -R a+rX "$www"
}

drop_caches() {
	sync
	echo 3 >/proc/sys/vm/drop_caches
}

# arrives FILE
arrives() {
	curl -s -S -m 1000 "http://127.0.0.1/$1" | cmp - "$www/$1"
}

from_memory() {
	local before

	before=$(stat fills)
	arrives 3m.bin
	same "$(stat fills)" "$before" "fills for a file in memory"
}
promise "3 MB from memory, without the slow lane" from_memory

from_disk() {
	local before

	drop_caches
	before=$(stat fills)
	arrives disk/3m.bin
	[ "$(stat fills)" -gt "$before" ]
	before=$(stat fills)
	arrives disk/3m.bin
	same "$(stat fills)" "$before" "fills for a file that is in memory by now"
}
promise "3 MB from a disk, read by the slow lane once" from_disk

very_large() {
	local before

	drop_caches
	before=$(stat fills)
	arrives disk/300m.bin
	[ "$(stat fills)" -gt "$before" ]
}
promise "300 MB from a disk" very_large

parallel() {
	local i

	drop_caches
	curl -s -S -Z --parallel-immediate --parallel-max 8 -m 1000 -o "$top/out#1" \
		"http://127.0.0.1/disk/3m.bin?[1-8]" 2>/dev/null
	for i in 1 2 3 4 5 6 7 8; do
		cmp "$top/out$i" "$www/3m.bin"
	done
	rm "$top"/out*
}
promise "eight at a time, cold" parallel

holes() {
	local before

	before=$(stat pages_copied)
	arrives hole.bin
	[ "$(stat pages_copied)" -gt "$before" ]
}
promise "a file with holes in memory: no page stays in them" holes

served() {
	same "$(stat handed_over)" 0 "handed over"
	same "$(stat connections_aborted)" 0 "aborted"
}
promise "all by sluice" served

make_disk
make_files
load "$@"
keep_promises
