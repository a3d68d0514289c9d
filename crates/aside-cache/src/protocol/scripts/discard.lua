#!lua flags=allow-oom
-- Deletes a value that was found wrong, and publishes the invalidation.
--
-- KEYS[1]  the sequence: the count of fences so far
-- KEYS[2]  the entry
-- ARGV[1]  the whole value that is wrong
-- ARGV[2]  life of the sequence, milliseconds
-- ARGV[3]  the channel
-- ARGV[4]  the entry's name
-- returns  1 deleted, 0 the entry holds something else by now
--
-- Atomic: only the value that was compared is deleted, never one that came in its place.
-- Every path leaves a TTL: the entry is deleted or left alone, and the sequence is given one after its last change.
-- allow-oom: the sequence must count on in a full Redis.
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return 0
end
redis.call('DEL', KEYS[2])

-- Near entries may have been made of it.
if redis.call('EXISTS', KEYS[1]) == 0 then
  local now = redis.call('TIME')
  redis.call('SET', KEYS[1], now[1] .. string.format('%06d', now[2]))
end
redis.call('INCR', KEYS[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PUBLISH', ARGV[3], redis.call('GET', KEYS[1]) .. ' ' .. ARGV[4])
return 1
