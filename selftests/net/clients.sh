#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The programs that people download with: curl, wget, busybox's wget, apt, and nginx
# as a proxy. What they have in the end is what is in the file, and they got no more
# of it than they needed. Browsers: browser.py.

# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

site=http://127.0.0.1
mine=$top/mine	# what the clients have

# get CURL-OPTION... PATH: fails if the server does not like it
get() {
	curl -s -S -m "$patience" "${@:1:$#-1}" "$site/${*: -1}"
}

# same_file PATH FILE: is FILE what PATH below the docroot is?
same_file() {
	cmp "$www/$1" "$2" || {
		echo "# $2 is not $1"
		return 1
	}
}

# part PATH BYTES FILE: the beginning, as after an interruption
part() {
	head -c "$2" "$www/$1" >"$3"
}

# fields TEXT NAME: the values of a field, without the carriage return
fields() {
	tr -d '\r' <<<"$1" | sed -nE "s/^$2: //Ip"
}

make_files() {
	local n

	mkdir "$mine" "$top/upload" "$www/many"
	chmod 777 "$top/upload"
	head -c 3000000 /dev/urandom >"$www/large.bin"
	echo "a text" >"$www/a.txt"
	for n in {1..50}; do
		head -c $((n * 1000)) "$www/large.bin" | tail -c 1000 >"$www/many/$n"
	done
	make_coded all.css br zst gz
	make_coded br.css br
	make_coded zst.css zst
	make_coded gz.css gz
	make_coded none.css
	make_site
	chmod -R a+rX "$www"
}

# make_coded NAME SUFFIX...: a text with these siblings
make_coded() {
	local name=$1 suffix

	shift
	for n in {1..3000}; do
		echo ".$name-$n { width: ${n}px }"
	done >"$www/$name"
	for suffix; do
		case "$suffix" in
		br) brotli -1 -k "$www/$name" ;;
		zst) zstd -q -1 "$www/$name" ;;
		gz) gzip -1 -k "$www/$name" ;;
		esac
	done
}

# --- curl ---

curl_resumes() {
	local size

	for size in 0 1 1000000 2999999; do
		part large.bin $size "$mine/large"
		same "$(get -C - -o "$mine/large" -w '%{http_code} %{size_download}' large.bin)" \
			"$([ $size = 0 ] && echo 200 || echo 206) $((3000000 - size))" \
			"status and size of the rest from $size"
		same_file large.bin "$mine/large"
	done
	# All of it is there already: 416, which curl takes for a success.
	same "$(get -C - -o "$mine/large" -w '%{http_code}' large.bin)" 416 "status"
	same_file large.bin "$mine/large"
}
promise "curl -C -: the rest of a file, and no more than that" curl_resumes

curl_ranges() {
	local range first length

	while read -r range first length; do
		get -f -r "$range" -o "$mine/range" -D "$mine/head" large.bin
		contains "$(<"$mine/head")" "206 Partial Content" "$range"
		tail -c "+$((first + 1))" "$www/large.bin" | head -c "$length" |
			cmp - "$mine/range"
		same "$(fields "$(<"$mine/head")" Content-Range)" \
			"bytes $first-$((first + length - 1))/3000000" "$range"
	done <<-END
		0-0 0 1
		100-199 100 100
		-50 2999950 50
		2999000- 2999000 1000
		2999000-9999999 2999000 1000
		-9999999 0 3000000
	END
	same "$(get -r 3000000- -o /dev/null -w '%{http_code}' large.bin)" 416 "none"
	same "$(get -I -r 0-0 -o /dev/null -w '%{http_code}' large.bin)" 200 "HEAD"
}
promise "curl -r: each kind of range, and one that there is not" curl_ranges

curl_several_ranges() {
	local type boundary

	get -r 0-9,1000000-1000004,-7 -D "$mine/head" -o "$mine/parts" large.bin
	contains "$(<"$mine/head")" "206 Partial Content" "head"
	type=$(fields "$(<"$mine/head")" Content-Type)
	boundary=${type#multipart/byteranges; boundary=}
	while read -r first length; do
		printf '\r\n--%s\r\nContent-Type: application/octet-stream\r\n' "$boundary"
		printf 'Content-Range: bytes %d-%d/3000000\r\n\r\n' "$first" $((first + length - 1))
		tail -c "+$((first + 1))" "$www/large.bin" | head -c "$length"
	done >"$mine/expected" <<-END
		0 10
		1000000 5
		2999993 7
	END
	printf '\r\n--%s--\r\n' "$boundary" >>"$mine/expected"
	cmp "$mine/expected" "$mine/parts"
}
promise "curl -r with several ranges: a part for each" curl_several_ranges

# coded NAME OFFERED CODING: what comes for what is offered
coded() {
	local name=$1 offered=$2 coding=$3 options=()

	# curl offers what it has; a field of ours replaces its own.
	[ "$offered" = curl ] || options=(-H "Accept-Encoding: $offered")
	get -f --compressed "${options[@]}" -D "$mine/head" -o "$mine/coded" "$name"
	same_file "$name" "$mine/coded"
	same "$(fields "$(<"$mine/head")" Content-Encoding)" "$coding" "$name for $offered"
	same "$(fields "$(<"$mine/head")" Content-Type)" "text/css" "type of $name"
}

curl_codings() {
	coded all.css curl br
	coded br.css curl br
	coded zst.css curl zstd
	coded gz.css curl gzip
	coded none.css curl ""
	coded all.css gzip gzip
	coded all.css "gzip, zstd;q=0.5" gzip
	coded all.css "zstd, gzip" zstd
	coded all.css "br;q=0, gzip;q=0" ""
	coded zst.css "br, gzip" ""
}
promise "curl --compressed: br, zstd, gzip, or none; always unpacked to the file" curl_codings

curl_without_codings() {
	local name heads

	for name in all.css gz.css none.css; do
		get -f -D "$mine/head" -o "$mine/plain" "$name"
		same_file "$name" "$mine/plain"
		same "$(fields "$(<"$mine/head")" Content-Encoding)" "" "$name"
		same "$(fields "$(<"$mine/head")" Vary)" \
			"$([ $name = none.css ] || echo Accept-Encoding)" "Vary of $name"
	done
	# A variant has validators of its own.
	heads=$(get -I all.css; get -I -H "Accept-Encoding: gzip" all.css
		get -I -H "Accept-Encoding: br" all.css)
	same "$(fields "$heads" ETag | sort -u | wc -l)" 3 "different ETags"
}
promise "curl without: the file itself, and told what it depends on" curl_without_codings

# ten_bytes NAME: 10 to 19 of it
ten_bytes() {
	tail -c +11 "$www/$1" | head -c 10
}

curl_part_compressed() {
	local tag

	# It could not unpack one of a variant.
	get -f --compressed -r 10-19 -o "$mine/part" gz.css
	ten_bytes gz.css | cmp - "$mine/part"
	tag=$(fields "$(get -I -H "Accept-Encoding: gzip" gz.css)" ETag)
	get -f -H "Accept-Encoding: gzip" -H "If-Range: $tag" -r 10-19 -o "$mine/part" gz.css
	ten_bytes gz.css.gz | cmp - "$mine/part"
}
promise "curl --compressed -r: a part of the file, unless a variant is named" curl_part_compressed

# http_date WHEN: as date(1) takes it
http_date() {
	LC_ALL=C date -u -d "$1" "+%a, %d %b %Y %T GMT"
}

# if_modified WHEN: curl -z; "-" before it asks for the opposite
if_modified() {
	get -z "$1" -o "$mine/new" -w '%{http_code}' a.txt
}

curl_if_modified() {
	local past future

	past=$(http_date "1 hour ago")
	future=$(http_date tomorrow)
	get -f -R -o "$mine/a.txt" a.txt
	same "$(if_modified "$mine/a.txt")" 304 "by file"
	same "$(if_modified "$future")" 304 "by date"
	same "$(if_modified "$past")" 200 "an hour ago"
	same "$(if_modified "-$past")" 412 "if unmodified"
	same "$(if_modified "-$future")" 200 "if unmodified"
	sleep 1.1
	echo "another text" >"$www/a.txt"
	same "$(get -z "$mine/a.txt" -o "$mine/a.txt" -w '%{http_code}' a.txt)" 200 "changed"
	same_file a.txt "$mine/a.txt"
}
promise "curl -z, by file and by date: 304, 200, 412" curl_if_modified

curl_etag() {
	local n

	for n in 200 304; do
		same "$(get --etag-save "$mine/etag" --etag-compare "$mine/etag" \
			-o "$mine/a.txt" -w '%{http_code}' a.txt)" $n "status"
		same_file a.txt "$mine/a.txt"
	done
	echo "a longer text" >"$www/a.txt"
	same "$(get --etag-save "$mine/etag" --etag-compare "$mine/etag" \
		-o "$mine/a.txt" -w '%{http_code}' a.txt)" 200 "status"
	same_file a.txt "$mine/a.txt"
}
promise "curl --etag-save, --etag-compare: 200, 304, changed 200" curl_etag

curl_old() {
	same "$(get -0 -o "$mine/a.txt" -w '%{http_version} %{http_code}' a.txt)" \
		"1.1 200" "HTTP/1.0"
	same_file a.txt "$mine/a.txt"
	same "$(get -0 -I a.txt | grep -ci '^connection: close')" 1 "Connection"
	same "$(get -0 -w '%{num_connects}' -H "Connection: keep-alive" -o "$mine/#1" \
		"many/[1-2]")" 10 "connections for two with keep-alive"
	# Siblings are not for 1.0, as with nginx.
	get -0 -f -H "Accept-Encoding: br, gzip" -o "$mine/plain" all.css
	same_file all.css "$mine/plain"
}
promise "curl --http1.0: closed, or kept if asked for" curl_old

curl_many() {
	local n connects

	connects=$(get -f -o "$mine/#1" -w '%{num_connects}\n' "many/[1-50]" |
		sort | uniq -c)
	same "$(tr -s ' \n' ' ' <<<"$connects")" " 49 0 1 1 " "new connections"
	for n in {1..50}; do
		same_file "many/$n" "$mine/$n"
	done
	connects=$(get -f -I -o /dev/null -w '%{num_connects}\n' "many/[1-50]" |
		grep -c 1)
	same "$connects" 1 "connections for 50 times HEAD"
	rm "$mine"/[0-9]*
	# It shows its progress, silent or not.
	get -f -Z -o "$mine/#1" "many/[1-50]" 2>"$mine/log"
	for n in {1..50}; do
		same_file "many/$n" "$mine/$n"
	done
}
promise "curl: fifty files on one connection, and fifty at a time" curl_many

curl_as_proxy() {
	same "$(get -f -x "$site:80" "a.txt")" "$(<"$www/a.txt")" "through a proxy that is none"
}
promise "curl --proxy: an absolute target" curl_as_proxy

curl_follows() {
	same "$(get -f -L -w '%{num_redirects} %{num_connects} %{url_effective}' \
		-o "$mine/index" "site/sub?a=b")" "1 1 $site/site/sub/?a=b" "redirected"
	same_file site/sub/index.html "$mine/index"
}
promise "curl -L: to the directory, on the same connection" curl_follows

# --- wget ---

wget_resumes() {
	local log=$mine/log

	cd "$mine"
	part large.bin 1000000 large.bin
	wget -c -o "$log" "$site/large.bin"
	same_file large.bin large.bin
	contains "$(<"$log")" "206 Partial Content" "log"
	contains "$(<"$log")" "2000000 (1.9M) remaining" "log"
	wget -c -o "$log" "$site/large.bin"
	contains "$(<"$log")" "already fully retrieved" "log"
	same_file large.bin large.bin
	wget -q --start-pos=2999990 -O tail "$site/large.bin"
	tail -c 10 "$www/large.bin" | cmp - tail
}
promise "wget -c: the rest of a file, and nothing when there is no rest" wget_resumes

wget_timestamps() {
	local log=$mine/log

	cd "$mine"
	rm -f a.txt
	touch -d "2026-01-01 12:00" "$www/a.txt"
	wget -N -o "$log" "$site/a.txt"
	contains "$(<"$log")" "200 OK" "the first time"
	same "$(date -r a.txt +%s)" "$(date -r "$www/a.txt" +%s)" "time of the file"
	wget -N -o "$log" "$site/a.txt"
	contains "$(<"$log")" "not modified on server" "the second time"
	touch "$www/a.txt"
	wget -N -o "$log" "$site/a.txt"
	contains "$(<"$log")" "200 OK" "after touch"
	same "$(date -r a.txt +%s)" "$(date -r "$www/a.txt" +%s)" "time of the file"
}
promise "wget -N: downloads once, and again when the file is newer" wget_timestamps

make_site() {
	mkdir -p "$www/site/sub"
	cat >"$www/site/index.html" <<-END
		<!DOCTYPE html><link rel="stylesheet" href="style.css?v=1">
		<a href="sub/">below</a> <a href="sub/page.html#there">a page</a>
		<a href="a%20b.html">a space</a> <a href="/site/sub/other.html">other</a>
	END
	echo "body { background: url(sub/picture.png) }" >"$www/site/style.css"
	echo '<!DOCTYPE html><a href="..">up</a>' >"$www/site/sub/index.html"
	echo '<!DOCTYPE html><img src="picture.png">' >"$www/site/sub/page.html"
	echo '<!DOCTYPE html>other' >"$www/site/sub/other.html"
	echo '<!DOCTYPE html>a b' >"$www/site/a b.html"
	head -c 20000 /dev/urandom >"$www/site/sub/picture.png"
}

wget_recursive() {
	cd "$mine"
	wget -q -r -np -nH --no-host-directories -e robots=off "$site/site/"
	mv "site/style.css?v=1" site/style.css
	diff -r "$www/site" site
	# Only what is newer, which is nothing.
	wget -N -x -nH -o "$mine/log" "$site/site/sub/"{page.html,picture.png}
	same "$(grep -c "not modified on server" "$mine/log")" 2 "not modified"
}
promise "wget -r: a site with all that it links to" wget_recursive

wget_compressed() {
	cd "$mine"
	wget -q --compression=auto -O gz.css "$site/gz.css"
	same_file gz.css gz.css
	wget -S --spider -o "$mine/log" "$site/large.bin"
	contains "$(<"$mine/log")" "Content-Length: 3000000" "HEAD"
}
promise "wget --compression, --spider" wget_compressed

busybox_wget() {
	cd "$mine"
	part large.bin 2500000 busybox.bin
	busybox wget -q -c -O busybox.bin "$site/large.bin"
	same_file large.bin busybox.bin
}
promise "busybox wget -c" busybox_wget

# --- apt ---

# apt_gets FILE...: pipelined, ten at a time; what is there is taken up
apt_gets() {
	local file words=()

	for file; do
		words+=("$site/$file" "$mine/${file##*/}"
			"SHA256:$(sha256sum <"$www/$file" | cut -d ' ' -f 1)")
	done
	/usr/lib/apt/apt-helper -q=2 -o APT::Sandbox::User=root -o Debug::Acquire::http=1 \
		download-file "${words[@]}" >"$mine/log" 2>&1 || {
		sed 's/^/# /' "$mine/log" | tail -40
		return 1
	}
	for file; do
		same_file "$file" "$mine/${file##*/}"
	done
}

apt_pipelines() {
	local connections

	rm -f "$mine"/[0-9]*
	connections=$(stat connections_accepted)
	apt_gets many/{1..50}
	same "$(($(stat connections_accepted) - connections))" 1 "connections"
}
promise "apt: fifty files, pipelined" apt_pipelines

# apt asks with If-Range and the date of the part that it has.
apt_resumes() {
	part large.bin 1000000 "$mine/large.bin"
	touch -r "$www/large.bin" "$mine/large.bin"
	apt_gets large.bin
	contains "$(<"$mine/log")" "206 Partial Content" "the rest"
	apt_gets large.bin
	contains "$(<"$mine/log")" "416" "no rest"
	head -c 1000000 /dev/zero >"$mine/large.bin"
	apt_gets large.bin
	contains "$(<"$mine/log")" "200 OK" "part of another file"
}
promise "apt: the rest of a file, by If-Range; all if it is another one" apt_resumes

# --- what all of this was ---

kernel_only() {
	same "$(stat handed_over)" 0 "requests handed over"
	same "$(stat out_of_memory)" 0 "out_of_memory"
	[ "$(stat not_modified)" -ge 5 ]
	[ "$(stat served)" -ge 200 ]
}
promise "nobody else answered any of them" kernel_only

# --- with a backend ---

curl_mixed() {
	local url urls=()

	for url in a.txt dynamic many/1 none many/2; do
		urls+=(-o "$mine/mixed-${url##*/}" "$site/$url")
	done
	# One connection; the backend's from the second on.
	same "$(curl -s -m "$patience" -w '%{http_code} %{num_connects}\n' "${urls[@]}")" "200 1
200 0
200 0
404 0
200 0" "status, new connections"
	same_file many/2 "$mine/mixed-2"
}
promise "curl: files and dynamic ones on one connection" curl_mixed

# A large body is announced with Expect: 100-continue.
curl_uploads() {
	same "$(curl -s -S -m "$patience" -T "$www/large.bin" -o "$mine/answer" \
		-w '%{http_code}' "$site/upload/large.bin")" 201 "PUT"
	cmp "$www/large.bin" "$top/upload/large.bin"
	same "$(get -d a=b -o /dev/null -w '%{http_code}' a.txt)" 405 "POST to a file"
}
promise "curl -T, -d: the backend's" curl_uploads

curl_http2() {
	same "$(get --http2 -f -o "$mine/a.txt" -w '%{http_code}' a.txt)" 200 "status"
	same_file a.txt "$mine/a.txt"
}
promise "curl --http2: offers an upgrade that nobody takes" curl_http2

# nginx in front, as in README: it keeps connections, and asks as its client does.
proxied() {
	local n before

	before=$(stat connections_accepted)
	for n in {1..20}; do
		curl -s -f -m "$patience" "http://127.0.0.1:8081/many/$n" | cmp - "$www/many/$n"
	done
	same "$(($(stat connections_accepted) - before))" 1 "connections of nginx"
	part large.bin 1000000 "$mine/large"
	same "$(curl -s -m "$patience" -C - -o "$mine/large" -w '%{http_code} %{size_download}' \
		http://127.0.0.1:8081/large.bin)" "206 2000000" "the rest"
	same_file large.bin "$mine/large"
	site=http://127.0.0.1:8081
	coded gz.css curl gzip
	same "$(if_modified "$(http_date tomorrow)")" 304 "by date"
}
promise "nginx as a proxy: keeps connections; parts, codings and 304 as they are" proxied

start_nginx "listen $backend;" "
	}
	upstream files {
		server 127.0.0.1:80;
		keepalive 8;
	}
	server {
		listen 8081;
		location / {
			proxy_pass http://files;
			proxy_http_version 1.1;
			proxy_set_header Connection \"\";
		}"
load
make_files
keep_promises
