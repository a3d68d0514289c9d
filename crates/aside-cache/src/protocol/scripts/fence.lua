#!lua flags=allow-oom
-- Fences the entries of a write that is about to COMMIT, and publishes the invalidation.
--
-- KEYS[1]    the sequence: the count of fences so far
-- KEYS[2..]  the entries
-- ARGV[1]    the fence (its first byte and the writer's token)
-- ARGV[2]    life of the fence, milliseconds
-- ARGV[3]    life of the sequence, milliseconds
-- ARGV[4]    the channel
-- ARGV[5..]  the entries' names, in the order of KEYS[2..]
-- returns    the new sequence number
--
-- Atomic: no reader sees some of a write's entries fenced and others not, and numbers and messages have one order.
-- Every path sets a TTL on every key: entries through PX, the sequence through PEXPIRE after its last change.
-- allow-oom: a full Redis refuses plain writes, and a fence that was refused would let stale fills in.
for entry = 2, #KEYS do
  redis.call('SET', KEYS[entry], ARGV[1], 'PX', ARGV[2])
end

-- A missing sequence (flush, eviction) goes on above every number ever used: the clock in microseconds runs faster than
-- fences are set.
if redis.call('EXISTS', KEYS[1]) == 0 then
  local now = redis.call('TIME')
  redis.call('SET', KEYS[1], now[1] .. string.format('%06d', now[2]))
end
local number = redis.call('INCR', KEYS[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
-- GET, since Lua would print a number this long in its short form.
redis.call('PUBLISH', ARGV[4], redis.call('GET', KEYS[1]) .. ' ' .. table.concat(ARGV, ' ', 5))
return number
