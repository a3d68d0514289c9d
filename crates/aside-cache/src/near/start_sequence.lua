#!lua flags=allow-oom
-- Gives the sequence's number to a reader that found the sequence missing.
--
-- KEYS[1]  the sequence: the count of fences so far
-- ARGV[1]  life of the sequence, milliseconds
-- returns  its number, as digits
--
-- Atomic: of many readers one starts the sequence, and a fence that came first has done so already.
-- A missing sequence (flush, eviction) goes on above every number ever used: the clock in microseconds runs faster than
-- fences are set. Begun at 1 again, it would reach numbers that count as applied.
-- Every path leaves a TTL: the SET has one, and a sequence that is there had one.
-- allow-oom: in a full Redis, too, near entries are checked against the sequence.
if redis.call('EXISTS', KEYS[1]) == 0 then
  local now = redis.call('TIME')
  redis.call('SET', KEYS[1], now[1] .. string.format('%06d', now[2]), 'PX', ARGV[1])
end
return redis.call('GET', KEYS[1])
