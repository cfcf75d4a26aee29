-- SPDX-License-Identifier: GPL-2.0
--
-- For wrk -s: sends the requests of a plan (see bench/cases.py) and prints results
-- on one line, in full precision.
--
-- arguments: PLAN DEPTH measure
--            PLAN DEPTH check [BODY]
--
-- check compares status and body of every response with what the plan says, or all
-- with the file BODY and 200.  It takes one connection: the answer is then that to
-- the latest request.

local threads = {}

function setup(thread)
   table.insert(threads, thread)
end

local function read_file(name)
   local f = assert(io.open(name, "rb"))
   local text = f:read("*a")
   f:close()
   return text
end

local function read_plan(name)
   local plan = {}
   for line in io.lines(name) do
      local path, connection, status, body =
         line:match("^(%S+)\t(%S+)\t(%S+)\t(%S+)$")
      local headers = {}
      for k, v in pairs(wrk.headers) do headers[k] = v end
      if connection == "close" then headers["Connection"] = "close" end
      table.insert(plan, {
         path = path,
         headers = headers,
         text = wrk.format("GET", path, headers),
         status = tonumber(status),
         body = body,
      })
   end
   return plan
end

function init(args)
   local plan, depth = read_plan(args[1]), tonumber(args[2])
   local texts, last = {}, 1

   for i, entry in ipairs(plan) do texts[i] = entry.text:rep(depth) end
   -- What is always the same, wrk sends without asking.
   wrk.path, wrk.headers = plan[1].path, plan[1].headers
   if #plan > 1 or depth > 1 then
      function request()
         last = last % #texts + 1
         return texts[last]
      end
   end
   if args[3] == "check" then
      local bodies = {["-"] = ""}

      checked, wrong, complaint = 0, 0, ""
      for _, entry in ipairs(plan) do
         if args[4] then entry.body, entry.status = args[4], 200 end
         bodies[entry.body] = bodies[entry.body] or read_file(entry.body)
      end
      function response(status, headers, body)
         local entry = plan[last]

         checked = checked + 1
         if status ~= entry.status or (body or "") ~= bodies[entry.body] then
            wrong = wrong + 1
            complaint = string.format("%d, %d bytes; expected %d, the %d of %s to %s",
               status, #(body or ""), entry.status, #bodies[entry.body], entry.body,
               entry.text)
         end
      end
   end
end

function done(summary, latency)
   local e = summary.errors
   local thread = threads[1]

   print(string.format("done requests=%d bytes=%d us=%d p50=%d p99=%d " ..
      "socket_errors=%d bad_status=%d",
      summary.requests, summary.bytes, summary.duration,
      latency:percentile(50), latency:percentile(99),
      e.connect + e.read + e.write + e.timeout, e.status))
   if thread:get("checked") then
      local complaint = thread:get("complaint"):gsub("[\r\n]+", " | ")

      print(string.format("checked %d %d %s", thread:get("checked"),
         thread:get("wrong"), complaint))
   end
end
