#!lua
-- Gives one admitted request back: takes it out of the very bucket that it was counted in.
--
-- KEYS     the limit's key, as admit.lua wrote it
-- ARGV     bucket (index), window (microseconds)
-- Returns  1 when it was given back, 0 when that bucket is not there any more
--
-- Atomic: the whole script; a bucket is never taken below one request without being deleted.
-- TTL: a value that is left is stored by a SET with PX, with admit.lua's longest life; an empty one is deleted.

local SUBWINDOWS = 60
local bucket, window = tonumber(ARGV[1]), tonumber(ARGV[2])

local packed = redis.call('GET', KEYS[1])
if not packed then return 0 end

local cells = cmsgpack.unpack(packed)
local left, index, last, found = {}, 0, 0, 0
for at = 1, #cells, 2 do
  index = index + cells[at]
  local count = cells[at + 1]
  if index == bucket then
    found = 1
    count = count - 1
  end
  if count > 0 then
    left[#left + 1] = index - last
    left[#left + 1] = count
    last = index
  end
end
if found == 0 then return 0 end

if #left == 0 then
  redis.call('DEL', KEYS[1])
else
  local ttl_ms = math.ceil((window + window / SUBWINDOWS) / 1000) + 1
  redis.call('SET', KEYS[1], cmsgpack.pack(left), 'PX', ttl_ms)
end
return 1
