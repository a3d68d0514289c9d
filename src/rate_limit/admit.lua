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
-- all buckets in use it takes 216 bytes, and a read and write of it 18 us; a hash of buckets took 568 bytes and 25 us.

local SUBWINDOWS = 60
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]

-- What is counted under one key: buckets, oldest first, as {index, count, index, count, ...}, and their sum.
local function read(key, quota, window)
  local width = math.floor(window / SUBWINDOWS)
  local present = math.floor(now / width)
  -- A bucket has left when it ended a whole window ago; until then it counts in full. This is the oldest that counts.
  local oldest = math.floor((now - window) / width)

  local packed = redis.call('GET', key)
  local cells = packed and cmsgpack.unpack(packed) or {}
  local buckets, used, moved, index, last, size = {}, 0, false, 0, nil, 0
  for at = 1, #cells, 2 do
    index = index + cells[at]
    if index >= oldest then
      local held, count = index, cells[at + 1]
      if index > present then
        -- The server's clock was set back. The bucket counts as of now, so that it delays its client by a window and not
        -- by as much as the clock was changed.
        held, moved = present, true
      end
      if held == last then
        buckets[size] = buckets[size] + count
      else
        buckets[size + 1], buckets[size + 2] = held, count
        last, size = held, size + 2
      end
      used = used + count
    end
  end
  return {
    key = key, quota = quota, window = window, width = width, present = present,
    buckets = buckets, used = used, moved = moved,
  }
end

local function charge(limit)
  local buckets, size = limit.buckets, #limit.buckets
  if buckets[size - 1] == limit.present then
    buckets[size] = buckets[size] + 1
  else
    buckets[size + 1], buckets[size + 2] = limit.present, 1
  end
  limit.used = limit.used + 1
end

local function write(limit)
  local buckets, cells, last = limit.buckets, {}, 0
  for at = 1, #buckets, 2 do
    local index = buckets[at]
    cells[at], cells[at + 1] = index - last, buckets[at + 1]
    last = index
  end
  -- The newest bucket ends within a width and counts for a window more; one on top, for PX starts from whole milliseconds.
  local ttl_ms = math.ceil((limit.window + limit.width) / 1000) + 1
  redis.call('SET', limit.key, cmsgpack.pack(cells), 'PX', ttl_ms)
end

local function leaves_in(limit, index)
  return (index + 1) * limit.width + limit.window - now
end

local function frees_in(limit)
  return limit.buckets[1] and leaves_in(limit, limit.buckets[1]) or 0
end

local function retry_in(limit)
  local left = limit.used
  if left < limit.quota then return 0 end
  for at = 1, #limit.buckets, 2 do
    left = left - limit.buckets[at + 1]
    if left < limit.quota then return leaves_in(limit, limit.buckets[at]) end
  end
  -- Nothing to wait for: a quota of nothing never has room.
  return limit.window
end

local limits, refused = {}, false
for at, key in ipairs(KEYS) do
  limits[at] = read(key, tonumber(ARGV[2 * at - 1]), tonumber(ARGV[2 * at]))
  refused = refused or limits[at].used >= limits[at].quota
end

local reply = {now}
for _, limit in ipairs(limits) do
  local wait = refused and retry_in(limit) or 0
  if not refused then charge(limit) end
  if not refused or limit.moved then write(limit) end
  reply[#reply + 1] = limit.used
  reply[#reply + 1] = frees_in(limit)
  reply[#reply + 1] = wait
end
return reply
