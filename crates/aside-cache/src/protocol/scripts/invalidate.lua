#!lua flags=allow-oom
-- Invalidates entries that committed transactions have made stale, whichever program wrote them.
--
-- KEYS[1]    the sequence: the count of fences so far
-- KEYS[2..]  the entries
-- ARGV[1]    life of the sequence, milliseconds
-- ARGV[2]    the channel
-- ARGV[3..]  the entries' names, in the order of KEYS[2..]
-- returns    how many entries were deleted
--
-- A value goes, and a lease too: its load may have begun before the commit. A fence stays: while it is there nothing is
-- stored, and its writer releases it, or is dead, and then it runs out.
-- Every path leaves a TTL: entries are only deleted, and the sequence is given one after its last change.
-- allow-oom: the sequence must count on in a full Redis.
local deleted = 0
for entry = 2, #KEYS do
  local held = redis.call('GETRANGE', KEYS[entry], 0, 0)
  if held ~= '' and held ~= 'F' then
    deleted = deleted + redis.call('DEL', KEYS[entry])
  end
end

-- Near entries may be of an entry that was evicted here, so every entry is published.
if redis.call('EXISTS', KEYS[1]) == 0 then
  local now = redis.call('TIME')
  redis.call('SET', KEYS[1], now[1] .. string.format('%06d', now[2]))
end
redis.call('INCR', KEYS[1])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
redis.call('PUBLISH', ARGV[2], redis.call('GET', KEYS[1]) .. ' ' .. table.concat(ARGV, ' ', 3))
return deleted
