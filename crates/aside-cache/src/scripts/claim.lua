#!lua
-- Claims the refresh of a value: puts a refresher's token and the time into it.
--
-- KEYS[1]  the cell
-- ARGV[1]  the value's header, as the refresher saw it
-- ARGV[2]  the refresher's token, 16 bytes
-- ARGV[3]  how long a refresher has before another may take its place, milliseconds
-- returns  1 claimed, 0 refused: the cell holds another value or none, or another's refresh is under way
--
-- Atomic: of any number of refreshers one gets the claim. The time is the server's, so that all claims are measured by one
-- clock; a time in the future, from before the clock was set back, holds up nobody.
-- Every path leaves a TTL: SETRANGE keeps the one that the value has, and what is left alone had one.
-- No allow-oom: a full Redis may refuse refreshes; the value stays until its end.
local header = #ARGV[1]
local held = redis.call('GETRANGE', KEYS[1], 0, header + 23)
if #held < header + 24 or string.sub(held, 1, header) ~= ARGV[1] then
  return 0
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local since = struct.unpack('>I8', held, header + 17)
local age = now - since
if since ~= 0 and age >= 0 and age < tonumber(ARGV[3]) then
  return 0
end
redis.call('SETRANGE', KEYS[1], header, ARGV[2] .. struct.pack('>I8', now))
return 1
