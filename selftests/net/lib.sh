# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the shell tests share; see lib.py for the Python ones. A test file says
# "promise TEXT FUNCTION" for each of its tests and "keep_promises" at its end.
# FUNCTION runs with errexit: the first command that fails fails the test.

cache=${SLUICE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sluice}
# shellcheck disable=SC1091 # the kernel's own, not in this tree
. "$cache/linux-source/tools/testing/selftests/kselftest/ktap_helpers.sh"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# Seconds to wait for what has to happen, on the slowest machine.
patience=120
backend=8080
top=$(mktemp -d /tmp/sluice-XXXXXX)	# on a tmpfs
www=$top/www
chmod 755 "$top"
mkdir "$www"

children=()
mounts=()

# Only the module that a test loaded, only the processes that it started.
clean_up() {
	local child i

	for child in "${children[@]}"; do
		kill "$child" 2>/dev/null && wait "$child" 2>/dev/null
	done
	unload
	for ((i = ${#mounts[@]} - 1; i >= 0; i--)); do
		umount "${mounts[i]}"
	done
	rm -rf "$top"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

# --- tests ---

promises=()
functions=()

promise() {
	promises+=("$1")
	functions+=("$2")
}

keep_promises() {
	local i

	ktap_print_header
	ktap_set_plan ${#promises[@]}
	for i in "${!promises[@]}"; do
		(
			set -e
			"${functions[i]}"
		)
		# shellcheck disable=SC2181 # "if ( ... )" would switch errexit off
		if [ $? = 0 ]; then
			ktap_test_pass "${promises[i]}"
		else
			ktap_test_fail "${promises[i]}"
		fi
	done
	ktap_finished
}

# same GOT EXPECTED WHAT
same() {
	[ "$1" != "$2" ] || return 0
	echo "# $3: got '$1', expected '$2'"
	return 1
}

# contains TEXT PATTERN WHAT: a shell pattern
contains() {
	# shellcheck disable=SC2053 # it is a pattern
	[[ $1 != *$2* ]] || return 0
	echo "# $3: got '$1', expected something with '$2'"
	return 1
}

# eventually WHAT COMMAND...
eventually() {
	local what=$1 end=$((SECONDS + patience))

	shift
	until "$@"; do
		if [ "$SECONDS" -gt "$end" ]; then
			echo "# waited $patience s in vain: $what"
			return 1
		fi
		sleep 0.05
	done
}

# --- the module ---

is_loaded() {
	[ -d /sys/module/sluice ]
}

# load [PARAMETER=VALUE...]: this docroot and backend unless told otherwise
load() {
	insmod "$SLUICE_KO" docroot="$www" backend_port="$backend" "$@"
}

unload() {
	! is_loaded || rmmod sluice
}

stat() {
	local key value

	while read -r key value; do
		[ "$key" != "$1" ] || echo "$value"
	done </proc/net/sluice/stats
}

# --- nginx ---

# listens PORT: does somebody, IPv4 or IPv6?
listens() {
	grep -qE "^ *[0-9]+: [0-9A-F]+:$(printf %04X "$1") [0-9A-F:]+ 0A " \
		/proc/net/tcp /proc/net/tcp6
}

# start_nginx [LISTEN-DIRECTIVES [LOCATIONS]]
start_nginx() {
	local text

	text=$(<"$here/nginx.conf")
	text=${text//@LISTEN@/${1:-listen $backend;}}
	text=${text//@LOCATIONS@/${2:-}}
	text=${text//@HTTP@/}
	text=${text//@WORKERS@/1}
	printf '%s\n' "$text" >"$top/nginx.conf"
	nginx -p "$top" -c "$top/nginx.conf" 2>/dev/null &
	children+=($!)
	eventually "nginx to listen" listens "$backend"
}
