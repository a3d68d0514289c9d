#!lua
-- Admits or refuses one request under all limits that apply to it, by the server's clock.
--
-- KEYS     one for each limit: what its client was admitted lately. The window's length is part of the name.
-- ARGV     for each key: quota (requests), window (microseconds)
-- Returns  integers: the server's time (microseconds since the epoch), then for each key
--            used      requests counted, this one included when it was admitted
--            frees_in  microseconds until some of them are counted no longer; 0 when none is counted
--            retry_in  microseconds until this limit has room for one more; 0 when it had room
--          The request was admitted, and counted under every key, when no retry_in is above 0. Else nothing was counted.
--
-- Atomic: the whole script. All limits are read before the first is written, so that one that refuses costs the others
-- nothing. A full server refuses the script before it starts (no flags: deny-oom), so it never writes half.
-- TTL: every write is a SET with PX that outlives the newest bucket; a path that does not write leaves the TTL there was.
--
-- A value is a MessagePack array, oldest first: bucket, count, distance to the next bucket, its count, and so on. With
-- all buckets in use it takes 216 bytes and 17 us, a hash of buckets 568 bytes and 25 us.

local SUBWINDOWS = 60
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]

-- When bucket `index` has left the window: it ended a whole window ago. Until then it counts in full.
local function leaves_at(limit, index)
  return (index + 1) * limit.width + limit.window
end

local function add(limit, index, count)
  local buckets = limit.buckets
  if buckets[#buckets - 1] == index then
    buckets[#buckets] = buckets[#buckets] + count
  else
    buckets[#buckets + 1] = index
    buckets[#buckets + 1] = count
  end
  limit.used = limit.used + count
end

local function read(key, quota, window)
  local width = math.floor(window / SUBWINDOWS)
  local limit = {key = key, quota = quota, window = window, width = width, buckets = {}, used = 0}
  limit.present = math.floor(now / width)
  local packed = redis.call('GET', key)
  local cells = packed and cmsgpack.unpack(packed) or {}
  local index = 0
  for at = 1, #cells, 2 do
    index = index + cells[at]
    if leaves_at(limit, index) > now then
      -- A bucket of the future: the server's clock was set back. It counts as of now, so that it delays its client by a
      -- window and not by as much as the clock was changed.
      limit.moved = limit.moved or index > limit.present
      add(limit, math.min(index, limit.present), cells[at + 1])
    end
  end
  return limit
end

local function write(limit)
  local cells, last = {}, 0
  for at = 1, #limit.buckets, 2 do
    cells[at] = limit.buckets[at] - last
    cells[at + 1] = limit.buckets[at + 1]
    last = limit.buckets[at]
  end
  -- The newest bucket ends within a width and counts for a window more; one on top, for PX starts from whole milliseconds.
  local ttl_ms = math.ceil((limit.window + limit.width) / 1000) + 1
  redis.call('SET', limit.key, cmsgpack.pack(cells), 'PX', ttl_ms)
end

local function frees_in(limit)
  return limit.buckets[1] and leaves_at(limit, limit.buckets[1]) - now or 0
end

local function retry_in(limit)
  -- The first value lasts if there is nothing to wait for: a quota of nothing never has room.
  local left, wait = limit.used, limit.used >= limit.quota and limit.window or 0
  for at = 1, #limit.buckets, 2 do
    if left < limit.quota then break end
    left = left - limit.buckets[at + 1]
    wait = leaves_at(limit, limit.buckets[at]) - now
  end
  return wait
end

local limits, refused = {}, false
for at, key in ipairs(KEYS) do
  limits[at] = read(key, tonumber(ARGV[2 * at - 1]), tonumber(ARGV[2 * at]))
  refused = refused or limits[at].used >= limits[at].quota
end

local reply = {now}
for _, limit in ipairs(limits) do
  local wait = refused and retry_in(limit) or 0
  if not refused then add(limit, limit.present, 1) end
  if not refused or limit.moved then write(limit) end
  reply[#reply + 1] = limit.used
  reply[#reply + 1] = frees_in(limit)
  reply[#reply + 1] = wait
end
return reply
