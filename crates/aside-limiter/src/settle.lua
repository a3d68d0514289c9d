#!lua
-- Settles what was counted in one bucket and is to be counted otherwise: takes it out of there, and puts what was used of it
-- into the buckets in which it was used. Of a request that is given back nothing was used; of an advance, some was.
--
-- KEYS     the limit's key, as admit.lua wrote it
-- ARGV     window (microseconds), bucket (index), count, and then for each bucket in which some of it was used: bucket, count
-- Returns  1 when it was settled, 0 when that bucket is not there any more, or does not hold as much
--
-- Atomic: the whole script. A bucket never goes below nothing, and one of nothing is deleted.
-- TTL: a value that is left is stored by a SET with PX that outlives its newest bucket; an empty one is deleted.

local SUBWINDOWS = 60
local window, bucket, count = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local width = math.floor(window / SUBWINDOWS)
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local oldest = math.floor((now - window) / width)

local packed = redis.call('GET', KEYS[1])
if not packed then return 0 end

local counts, index = {}, 0
local cells = cmsgpack.unpack(packed)
for at = 1, #cells, 2 do
  index = index + cells[at]
  counts[index] = cells[at + 1]
end
if (counts[bucket] or 0) < count then return 0 end

counts[bucket] = counts[bucket] - count
for at = 4, #ARGV, 2 do
  local used_in = tonumber(ARGV[at])
  if used_in >= oldest then counts[used_in] = (counts[used_in] or 0) + tonumber(ARGV[at + 1]) end
end

local indexes = {}
for held, held_count in pairs(counts) do
  if held_count > 0 then indexes[#indexes + 1] = held end
end
table.sort(indexes)
local left, last = {}, 0
for _, held in ipairs(indexes) do
  left[#left + 1] = held - last
  left[#left + 1] = counts[held]
  last = held
end

-- Of a bucket that has left nothing is worth keeping.
local ttl_ms = math.ceil(((last + 1) * width + window - now) / 1000) + 1
if #left == 0 or ttl_ms <= 0 then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], cmsgpack.pack(left), 'PX', ttl_ms)
end
return 1
