#!lua
-- Stores a loaded value, if the cell still is what the load was made under: the very lease, or the very value with the
-- very claim of its refresh.
--
-- KEYS[1]  the cell
-- ARGV[1]  what the cell begins with: the lease (its first byte and the fill's token), or the header of the value that is
--          refreshed and the token of its refresh
-- ARGV[2]  the value
-- ARGV[3]  life of the value, milliseconds
-- returns  1 stored, 0 refused: the cell was written, evicted, or leased or claimed by another meanwhile
--
-- Atomic: nothing comes between the comparison and the SET.
-- Every path leaves a TTL: the SET has one, and what is left alone had one.
-- No allow-oom: a full Redis may refuse values; a lease then runs out by itself, and a value at its end.
if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
