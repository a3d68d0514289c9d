#!lua
-- Takes the lease of an entry that is absent or foreign: a value or a lease of another identity, or of an older format. Like
-- SET NX GET, which returns what is there.
--
-- KEYS[1]  the entry
-- ARGV[1]  the lease: its first byte, the format, the identity (8 bytes), and the fill's token (16 bytes)
-- ARGV[2]  life of the lease, milliseconds
-- returns  nil when the lease was taken, else what the entry holds
--
-- Atomic: nothing comes between the comparison and the SET. A fence has no identity and is never replaced. The holder of a
-- foreign lease is refused by fill.lua.
-- Every path leaves a TTL: the SET has one, and what is left alone had one.
-- No allow-oom: a full Redis may refuse leases; the reader loads and stores nothing.
local held = redis.call('GET', KEYS[1])
if held then
  local mark, format, ours = string.sub(held, 1, 1), string.byte(held, 2) or 255, string.byte(ARGV[1], 2)
  local is_other = format == ours and string.sub(held, 3, 10) ~= string.sub(ARGV[1], 3, 10)
  if (mark ~= 'V' and mark ~= 'L') or not (format < ours or is_other) then
    return held
  end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return false
