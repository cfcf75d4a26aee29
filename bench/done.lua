-- SPDX-License-Identifier: GPL-2.0
--
-- For wrk -s: its results on one line, in full precision.
-- done REQUESTS BYTES MICROSECONDS P50_US P99_US SOCKET_ERRORS BAD_STATUS

function done(summary, latency)
   local e = summary.errors
   print(string.format("done %d %d %d %d %d %d %d",
      summary.requests, summary.bytes, summary.duration,
      latency:percentile(50), latency:percentile(99),
      e.connect + e.read + e.write + e.timeout, e.status))
end
