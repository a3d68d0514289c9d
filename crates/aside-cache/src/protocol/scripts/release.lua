#!lua flags=allow-oom
-- Releases the fences of a write whose outcome is known, and deletes whatever has come in their place.
--
-- KEYS[1]    the sequence: the count of fences so far
-- KEYS[2..]  the entries
-- ARGV[1]    this writer's fence; one that matches nothing, if it may have been set too late
-- ARGV[2]    life of the sequence, milliseconds
-- ARGV[3]    the channel
-- ARGV[4..]  the entries' names, in the order of KEYS[2..]
-- returns    how many entries did not hold this writer's fence any more
--
-- Not only the own fence goes: where it was evicted, a reader may have taken a lease and stored what was true before the
-- commit. Only another writer's fence stays, since that writer will release it. Where the own fence was lost, near
-- entries may have been made of what came in its place, so the entries are published once more.
-- Every path leaves a TTL: entries are only deleted, and the sequence is given one after its last change.
-- allow-oom: the sequence must count on in a full Redis.
local lost = {}
for entry = 2, #KEYS do
  local held = redis.call('GET', KEYS[entry])
  if held ~= ARGV[1] then
    lost[#lost + 1] = ARGV[entry + 2]
  end
  if held and (held == ARGV[1] or string.sub(held, 1, 1) ~= 'F') then
    redis.call('DEL', KEYS[entry])
  end
end

if #lost > 0 then
  if redis.call('EXISTS', KEYS[1]) == 0 then
    local now = redis.call('TIME')
    redis.call('SET', KEYS[1], now[1] .. string.format('%06d', now[2]))
  end
  redis.call('INCR', KEYS[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  redis.call('PUBLISH', ARGV[3], redis.call('GET', KEYS[1]) .. ' ' .. table.concat(lost, ' '))
end
return #lost
