#!lua
-- Stores a loaded value, if the cell still holds the very lease that the load was made under.
--
-- KEYS[1]  the cell
-- ARGV[1]  the lease (its first byte and the fill's token)
-- ARGV[2]  the value
-- ARGV[3]  life of the value, milliseconds
-- returns  1 stored, 0 refused: the cell was written, evicted, or leased to another meanwhile
--
-- Atomic: nothing comes between the comparison and the SET.
-- Every path leaves a TTL: the SET has one, and what is left alone had one.
-- No allow-oom: a full Redis may refuse values; the lease then runs out by itself.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
