-- wrk asks the addresses of a file in turn, and says what came of it as one line of JSON.
-- Usage: wrk -s paths.lua http://127.0.0.1:8000 -- FILE
local requests, turn = {}, 0

function init(args)
  wrk.headers["User-Agent"] = "curl/8.5.0"
  wrk.headers["Accept"] = "*/*"
  for path in io.lines(args[1]) do requests[#requests + 1] = wrk.format("GET", path) end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format('{"requests": %d, "seconds": %.6f, "failed": %d, "p50_ms": %.3f, "p99_ms": %.3f}\n',
    summary.requests, summary.duration / 1e6, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
