-- The load: walks through a file of bearer tokens that were drawn beforehand, one a line, "-" for nobody.
--
-- TOKENS  the file;  TARGET  the path;  WRITES  every so-and-so-many-th request is a post, 0 for none
local tokens, target, writes = {}, os.getenv("TARGET"), tonumber(os.getenv("WRITES") or "0")
for line in io.lines(os.getenv("TOKENS")) do tokens[#tokens + 1] = line end
local at = tonumber(os.getenv("START") or "1") % #tokens

local function fields(token)
  if token == "-" then return {} end
  return { ["Authorization"] = "Bearer " .. token }
end

function request()
  at = at % #tokens + 1
  local headers = fields(tokens[at])
  if writes > 0 and at % writes == 0 then
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
