#!lua
-- Gives back a lease whose load gave nothing to store, so that the next reader need not wait for it to run out.
--
-- KEYS[1]  the entry
-- ARGV[1]  the lease (its first byte and the fill's token)
-- returns  1 given back, 0 when the entry holds something else by now
--
-- Atomic: another's lease, a fence or a value is never deleted.
-- Every path leaves a TTL: a key is deleted or left alone.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
return redis.call('DEL', KEYS[1])
