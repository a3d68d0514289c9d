-- The load: walks through a file of bearer tokens that were drawn beforehand, one a line, "-" for nobody; from its end on
-- it begins again. It is read while it is walked through: five million tokens in a table took eight seconds to read before the
-- first request, and their memory from the caches of the processor.
--
-- TOKENS  the file;  START  near which byte of it to begin, modulo its size;  TARGET  the path
-- WRITES  every so-and-so-many-th request is a post, 0 for none
local tokens = assert(io.open(os.getenv("TOKENS")))
local target, writes, asked = os.getenv("TARGET"), tonumber(os.getenv("WRITES") or "0"), 0

tokens:seek("set", tonumber(os.getenv("START") or "0") % tokens:seek("end"))
tokens:read("*l") -- the rest of a line

local function next_token()
  local token = tokens:read("*l")
  if not token then
    tokens:seek("set")
    token = tokens:read("*l")
  end
  return token
end

local function fields(token)
  if token == "-" then return {} end
  return { ["Authorization"] = "Bearer " .. token }
end

function request()
  local headers = fields(next_token())
  asked = asked + 1
  if writes > 0 and asked % writes == 0 then
    headers["Content-Type"] = "application/json"
    return wrk.format("POST", "/posts", headers, '{"body": "One more post, for the measurement."}')
  end
  return wrk.format("GET", target, headers)
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("\nRESULT requests=%d micros=%d other=%d broken=%d\n", summary.requests, summary.duration,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
