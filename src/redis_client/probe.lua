#!lua flags=allow-oom
-- Asks whether this Redis can be written to as fences are: also when it is full, and with a message.
--
-- KEYS[1]  a key that means nothing
-- ARGV[1]  its life, milliseconds
-- ARGV[2]  a channel that nobody listens to
-- returns  1; a Redis that was made a replica, that cannot save, or whose ACL forbids it, refuses with an error
--
-- Atomic: nothing depends on it.
-- Every path leaves a TTL: the SET has one.
redis.call('SET', KEYS[1], '', 'PX', ARGV[1])
redis.call('PUBLISH', ARGV[2], '')
return 1
