# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the scripts in this directory share: where the cache is, how kernels are
# named, how to take a lock and how to fail. Sourced, never run.

tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/sluice

# The kernels the project supports. scripts/setup knows where each comes from.
kernels="6.1 6.12 7.3"
# Kernels for what those do not show: two built here, with every check there is and
# with KCSAN (selftests/vm/*.config), and Debian's with PREEMPT_RT.
more_kernels="debug kcsan rt"

say() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die() {
	say "$*"
	exit 1
}

usage_error() {
	say "$*"
	say "try '$0 --help'"
	exit 2
}

is_kernel() {
	case " $kernels $more_kernels " in
	*" $1 "*) return 0 ;;
	esac
	return 1
}

# take_lock NAME: hold the cache's lock NAME until this (sub)shell ends. Call it
# in a subshell around what needs it; the open descriptor is the lock.
take_lock() {
	local fd

	mkdir -p "$cache/locks"
	exec {fd}>"$cache/locks/$1"
	if ! flock -n "$fd"; then
		say "waiting for another run that holds $cache/locks/$1"
		flock "$fd"
	fi
}

# One tree must not build into another's directory, whatever both are called.
tree_key() {
	printf '%s' "$tree" | sha256sum | cut -c1-12
}

kernel_dir() {
	printf '%s/kernels/%s' "$cache" "$1"
}

kernel_release() {
	cat "$(kernel_dir "$1")/release"
}

# How many times longer than on Debian's kernels things may take.
kernel_slowness() {
	case "$1" in
	debug) echo 5 ;;
	*) echo 1 ;;
	esac
}

# The directory scripts/build compiles in, for one kernel and this tree.
build_dir() {
	printf '%s/build/%s/%s' "$cache" "$(tree_key)" "$1"
}

# bench_program NAME: compile bench/NAME.c, and say where it is. What another run of this
# tree looks at is replaced as a whole.
bench_program() {
	local dir

	dir=$cache/build/$(tree_key)/bench
	mkdir -p "$dir"
	if ! gcc -O2 -Wall -o "$dir/$1.$$" "$tree/bench/$1.c"; then
		die "bench/$1.c does not compile, see above"
	fi
	mv "$dir/$1.$$" "$dir/$1"
	echo "$dir/$1"
}

# What modules are made of, one path below the tree per line. Below selftests/ a
# directory with a Kbuild file is a module; the rest is for user space.
module_sources() {
	(
		cd "$tree" || exit
		ls -d Kbuild src include uapi bench 2>/dev/null || true
		find selftests -name Kbuild -printf '%h\n' 2>/dev/null | sort
	)
}

# is_built KERNEL: has nothing a module is made of changed since the last build?
# Directories count, their times tell of files that were removed; those called build
# are what is made of the tree.
is_built() {
	local dir paths

	dir=$(build_dir "$1")
	[ "$dir/built" -nt "$(kernel_dir "$1")/release" ] || return 1
	mapfile -t paths < <(module_sources)
	[ -z "$(cd "$tree" && find scripts/build "${paths[@]}" \
		-type d -name build -prune -o \( -type d \
		-o -name '*.[chS]' -o -name 'Kbuild*' -o -name build \) \
		-newer "$dir/built" -print -quit)" ]
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null 2>&1; then
		sudo -- "$@"
	else
		die "need root to run '$*', and there is no sudo: run scripts/setup once as root, or install sudo"
	fi
}
