#!lua
-- Stores a loaded value, if the entry still begins with what the value was loaded under: the same lease, or the same value with
-- the same refresh lease.
--
-- KEYS[1]  the entry
-- ARGV[1]  what the entry must begin with: the lease, or the header of the value that is refreshed and the token of its refresh
--          lease
-- ARGV[2]  the value
-- ARGV[3]  life of the value, milliseconds
-- returns  1 stored, 0 refused: the entry was written, evicted, or leased by another reader meanwhile
--
-- Atomic: nothing comes between the comparison and the SET.
-- Every path leaves a TTL: the SET has one, and what is left alone had one.
-- No allow-oom: a full Redis may refuse values; a lease then runs out by itself, and a value at its end.
if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
