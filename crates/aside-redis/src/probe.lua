#!lua flags=allow-oom
-- Asks whether this Redis can do what the cache needs: a script that writes two keys and a message, as a fence is, also when
-- it is full; and SET NX GET, as a lease is taken. And whether the prefix belongs to our database.
--
-- KEYS[1]  a key that means nothing
-- KEYS[2]  another, in another slot than the first whatever the prefix is (in a cluster: CROSSSLOT)
-- KEYS[3]  whose database the prefix belongs to
-- ARGV[1]  life of the first two keys, milliseconds
-- ARGV[2]  a channel
-- ARGV[3]  our database
-- ARGV[4]  life of the third key, milliseconds
-- returns  1; 0 when SET NX GET does not give what is there; the other database, when the prefix belongs to one. A Redis that
--          is a replica, that cannot save, or whose ACL forbids any of it, refuses with an error
--
-- Atomic: of two databases one gets the prefix.
-- Every path leaves a TTL: each SET has one, and the third key's is renewed.
redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])
redis.call('SET', KEYS[2], '', 'PX', ARGV[1])
if redis.call('SET', KEYS[1], '', 'NX', 'GET', 'PX', ARGV[1]) ~= '1' then
  return 0
end
local owner = redis.call('SET', KEYS[3], ARGV[3], 'NX', 'GET', 'PX', ARGV[4])
if owner and owner ~= ARGV[3] then
  return owner
end
redis.call('PEXPIRE', KEYS[3], ARGV[4])
redis.call('PUBLISH', ARGV[2], '')
return 1
