#!lua
-- Takes the refresh lease of a value: puts a refresher's token and the time into it.
--
-- KEYS[1]  the entry
-- ARGV[1]  the value's header, as the refresher saw it
-- ARGV[2]  the refresher's token, 16 bytes
-- ARGV[3]  how long a refresher has before another may take its place, milliseconds
-- returns  1 taken, 0 refused: the entry holds another value or none, or another refresh is under way
--
-- Atomic: of any number of refreshers one gets the lease. The time is the server's, so that all refresh leases are measured by
-- one clock; a time in the future, from before the clock was set back, counts as over.
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
