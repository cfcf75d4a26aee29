-- SPDX-License-Identifier: GPL-2.0
--
-- The load of coherence_storm.py: paths at random, and of each response, whichever
-- it belongs to, whether its head and its body are of one version.

local base = 1000000000
local threads = {}
checked, wrong, example = 0, 0, ""

function setup(thread)
	table.insert(threads, thread)
end

function init(args)
	paths = args
	math.randomseed(os.time())
end

function request()
	local headers = { ["Accept-Encoding"] = "gzip" }

	return wrk.format("GET", paths[math.random(#paths)], headers)
end

local function is_whole(status, headers, body)
	if tonumber(headers["Content-Length"]) ~= #body then
		return false
	end
	if status ~= 200 then
		return status == 301 or status == 403 or status == 404
	end
	local line, version = body:match("^(%w+ (%d+)\n)")
	if not line or body ~= line:rep(#body / #line) then
		return false
	end
	return headers["ETag"] == string.format('"%x-%x"', base + tonumber(version), #body)
end

function response(status, headers, body)
	checked = checked + 1
	if not is_whole(status, headers, body) then
		wrong = wrong + 1
		example = string.format("%d %s %s", status, headers["ETag"] or "-",
					body:sub(1, 40))
	end
end

function done()
	for _, thread in ipairs(threads) do
		print(string.format("wrk: %d checked, %d wrong %s", thread:get("checked"),
				    thread:get("wrong"), thread:get("example")))
	end
end
