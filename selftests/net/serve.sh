#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What curl gets from sluice is what it gets from nginx for the same files: each
# field, in the same order, and the body.

# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

# What may differ: who answers, and when.
normalized() {
	sed -a -e '/^Server: /d' -e '/^Date: /d' "$1" 2>/dev/null ||
		sed -e '/^Server: /d' -e '/^Date: /d' "$1"
}

# fetch SERVER PORT NAMES [CURL-OPTION...]: one response per name and file
fetch() {
	local server=$1 port=$2 names=$3

	shift 3
	curl -s -m "$patience" --path-as-is "$@" --create-dirs \
		-o "$top/$server/#1" "http://127.0.0.1:$port/{$names}"
}

# compare NAME,NAME... [CURL-OPTION...]
compare() {
	local names=$1 name

	shift
	rm -rf "$top/sluice" "$top/nginx"
	fetch nginx "$backend" "$names" "$@"
	fetch sluice 80 "$names" "$@"
	for name in ${names//,/ }; do
		if ! grep -qa '^Server: sluice' "$top/sluice/$name"; then
			echo "# $name was not answered by sluice"
			return 1
		fi
		normalized "$top/nginx/$name" >"$top/expected"
		normalized "$top/sluice/$name" >"$top/got"
		if ! cmp -s "$top/expected" "$top/got"; then
			echo "# $name differs:"
			diff -a "$top/expected" "$top/got" | head -20 | sed 's/^/# /'
			return 1
		fi
	done
}

make_files() {
	local ext

	echo "an index" >"$www/index.html"
	echo "a text" >"$www/a.txt"
	: >"$www/empty.txt"
	echo "no type" >"$www/plain"
	echo "upper case" >"$www/UPPER.HTML"
	echo "two dots" >"$www/a.tar.gz"
	echo "space" >"$www/a b.txt"
	echo "percent" >"$www/100%.txt"
	echo "plus" >"$www/a+b.txt"
	echo "utf-8" >"$www/grün.txt"
	echo "backslash" >"$www/a\\b.txt"
	echo "query mark" >"$www/a?b.txt"
	head -c 4096 /dev/urandom >"$www/4096.bin"
	head -c 4097 /dev/urandom >"$www/4097.bin"
	head -c 100000 /dev/urandom >"$www/100000.bin"
	mkdir -p "$www/dir/sub" "$www/a dir" "$www/bare"
	echo "an index in a directory" >"$www/dir/index.html"
	echo "old" >"$www/old.txt"
	touch -d @1 "$www/old.txt"
	echo "future" >"$www/future.txt"
	touch -d @4000000000 "$www/future.txt"
	mkdir "$www/types"
	for ext in $(extensions); do
		echo x >"$www/types/e.$ext"
	done
	chmod -R a+rX "$www"
}

# All that nginx has a type for, but those of programs.
extensions() {
	sed -nE 's/^ +[^ ]+\/[^ ]+ +([^;]+);.*/\1/p' /etc/nginx/mime.types |
		tr ' ' '\n' |
		grep -vxE "$(sed 's/\./\\./g; s/,/|/g' /sys/module/sluice/parameters/dynamic_suffix |
			tr -d '\\.')"
}

comma_list() {
	local IFS=,

	echo "$*"
}

gets() {
	compare "$(comma_list index.html a.txt empty.txt plain UPPER.HTML a.tar.gz \
		4096.bin 4097.bin 100000.bin)" -i
}
promise "GET: as nginx, field for field and byte for byte" gets

heads() {
	compare "$(comma_list index.html a.txt empty.txt 100000.bin)" -I
}
promise "HEAD: as nginx, without a body" heads

names() {
	compare "$(comma_list a%20b.txt 100%25.txt a+b.txt gr%C3%BCn.txt %61.t%78t \
		a%5Cb.txt a%3fb.txt)" -i
	compare "grün.txt" -i
}
promise "names with escapes, and with bytes that need none" names

paths() {
	local path

	for path in "" dir/ dir//index.html ./a.txt dir/../a.txt dir/sub/../../a.txt \
		%2e/a.txt dir/%2E%2e/a.txt "a.txt?v=1" "a.txt?%zz"; do
		curl -s -i --path-as-is "http://127.0.0.1:$backend/$path" >"$top/nginx.out"
		curl -s -i --path-as-is "http://127.0.0.1/$path" >"$top/sluice.out"
		contains "$(<"$top/sluice.out")" "Server: sluice" "/$path"
		contains "$(<"$top/sluice.out")" "HTTP/1.1 200 OK" "/$path"
		same "$(normalized "$top/sluice.out")" \
			"$(normalized "$top/nginx.out")" "/$path"
	done
}
promise "index.html, dot segments, doubled slashes and queries" paths

types() {
	local names=()

	for ext in $(extensions); do
		names+=("e.$ext")
	done
	[ ${#names[@]} -gt 80 ]
	cd "$www/types"
	fetch nginx "$backend/types" "$(comma_list "${names[@]}")" -I
	fetch sluice 80/types "$(comma_list "${names[@]}")" -I
	grep -h '^Content-Type' "$top"/nginx/e.* | sort | uniq -c >"$top/expected"
	grep -h '^Content-Type' "$top"/sluice/e.* | sort | uniq -c >"$top/got"
	same "$(grep -l 'Server: sluice' "$top"/sluice/e.* | wc -l)" \
		"${#names[@]}" "answered by sluice"
	for ext in $(extensions); do
		same "$(grep '^Content-Type' "$top/sluice/e.$ext")" \
			"$(grep '^Content-Type' "$top/nginx/e.$ext")" ".$ext"
	done
}
promise "a Content-Type for each extension that nginx knows" types

directories() {
	local heads

	heads=$(curl -s -D - -o /dev/null --path-as-is "http://127.0.0.1/dir" \
		"http://127.0.0.1/dir?a=b&c=%20" "http://127.0.0.1//dir" \
		"http://127.0.0.1/a%20dir?x" "http://127.0.0.1/dir/../bare" |
		tr -d '\r' | grep -E '^(HTTP|Location)')
	# curl takes -o for the first only; bodies say nothing like these.
	same "$heads" "HTTP/1.1 301 Moved Permanently
Location: /dir/
HTTP/1.1 301 Moved Permanently
Location: /dir/?a=b&c=%20
HTTP/1.1 301 Moved Permanently
Location: /dir/
HTTP/1.1 301 Moved Permanently
Location: /a%20dir/?x
HTTP/1.1 301 Moved Permanently
Location: /bare/" "redirects"
}
promise "a directory without slash: 301 to a relative location, with the query" directories

old() {
	local head

	head=$(curl -s -I http://127.0.0.1/old.txt)
	contains "$head" "200 OK" "old.txt"
	same "$(grep -ciE '^(etag|last-modified)' <<<"$head")" 0 "validators"
}
promise "no validators for a file whose time says nothing" old

future() {
	local head

	head=$(curl -s -I http://127.0.0.1/future.txt)
	contains "$head" "200 OK" "future.txt"
	same "$(grep -ci '^last-modified' <<<"$head")" 0 "Last-Modified"
}
promise "no Last-Modified later than Date" future

counted() {
	# Here at last, so that all of the above is in it.
	same "$(stat handed_over)" 0 "requests handed over"
	[ "$(stat served)" -gt 100 ]
	[ "$(stat redirected)" -ge 5 ]
	[ "$(stat bytes_sent)" -gt 100000 ]
	same "$(stat requests)" \
		"$(($(stat served) + $(stat redirected) + $(stat not_modified)))" "requests"
}
promise "each of them counted, none given to nginx" counted

start_nginx "$@"
load "$@"
make_files
keep_promises
