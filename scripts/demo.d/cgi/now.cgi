#!/bin/sh
# SPDX-License-Identifier: GPL-2.0

cat <<END
Content-Type: text/html; charset=utf-8
Cache-Control: no-store

<!DOCTYPE html>
<title>now</title>
<link rel="stylesheet" href="/style.css">
<h1>$(date '+%H:%M:%S')</h1>
<p>Written by a program for $REMOTE_ADDR, who asked $SERVER_SOFTWARE.
<p><a href="/">back</a>
END
