#!lua
-- Admits or refuses one request under all limits that apply to it, by the server's clock; and gives a replica an advance on
-- what is left to a client (docs/adr/0019-quota-leases.md), with a request or without one.
--
-- KEYS     one for each limit: what its client was admitted lately. The window's length is part of the name.
-- ARGV     for each key: quota (requests), window (microseconds); then
--            channel   where a key is published whose advances should be settled
--            requests  1 to decide on one; 0 when an advance is all that is asked for
--            wanted    requests to be advanced beside that, on the first key; 0 for none
--            and, to settle an advance on the first key before anything else, what settle.lua takes:
--            bucket, count, and then for each bucket in which some of it was used: bucket, count
-- Returns  integers: the server's time (microseconds since the epoch), then for each key
--            used      requests counted, this one and advances included when it was admitted
--            frees_in  microseconds until some of them are counted no longer; 0 when none is counted
--            retry_in  microseconds until this limit has room for one more; 0 when it had room
--          then
--            advanced  requests advanced
--            recalled  1 when it was refused only for want of what other replicas have in advance, and may not need
--          The request was admitted, and counted under every key, when no retry_in is above 0. Else nothing was counted.
--          Without one, retry_in is above 0 only where more is counted than the quota.
--
-- An advance is counted in the last bucket of its life, which is still to come: at least as long as any request that is
-- admitted under it. Settling moves what was used to where it was used.
--
-- Atomic: the whole script. All limits are read before the first is written, so that one that refuses costs the others
-- nothing. A full server refuses the script before it starts (no flags: deny-oom), so it never writes half.
-- TTL: every write is a SET with PX that outlives the newest bucket; a path that does not write leaves the TTL there was.
--
-- A value is a MessagePack array, oldest first: bucket, count, distance to the next bucket, its count, and so on. With
-- all buckets in use it takes 216 bytes, and a read and write of it 18 us; a hash of buckets took 568 bytes and 25 us.

local SUBWINDOWS = 60
-- For how many buckets, the present one included, an advance is good.
local LIFE = 60
-- The largest advance is this part of a quota, and nothing is advanced beyond three quarters of it.
local PART = 16

local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]

-- What is counted under one key: buckets, oldest first, as {index, count, index, count, ...}, and their sum.
local function read(key, quota, window)
  local width = math.floor(window / SUBWINDOWS)
  local present = math.floor(now / width)
  local newest = present + LIFE - 1
  -- A bucket has left when it ended a whole window ago; until then it counts in full. This is the oldest that counts.
  local oldest = math.floor((now - window) / width)

  local packed = redis.call('GET', key)
  local cells = packed and cmsgpack.unpack(packed) or {}
  local buckets, used, moved, index, last, size = {}, 0, false, 0, nil, 0
  for at = 1, #cells, 2 do
    index = index + cells[at]
    if index >= oldest then
      local held, count = index, cells[at + 1]
      if index > newest then
        -- The server's clock was set back. The bucket counts as if it was an advance of now, so that it delays its client by
        -- two windows, and not by as much as the clock was changed.
        held, moved = newest, true
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
    key = key, quota = quota, window = window, width = width, present = present, oldest = oldest,
    buckets = buckets, used = used, moved = moved,
  }
end

local function add(limit, index, count)
  local buckets = limit.buckets
  local at = #buckets - 1
  while at > 0 and buckets[at] > index do at = at - 2 end
  if at > 0 and buckets[at] == index then
    buckets[at + 1] = buckets[at + 1] + count
  else
    table.insert(buckets, at + 2, index)
    table.insert(buckets, at + 3, count)
  end
  limit.used = limit.used + count
end

-- Does what settle.lua does.
local function settle(limit, first)
  local bucket, count = tonumber(ARGV[first]), tonumber(ARGV[first + 1])
  for at = 1, #limit.buckets, 2 do
    if limit.buckets[at] == bucket and limit.buckets[at + 1] >= count then
      add(limit, bucket, -count)
      if limit.buckets[at + 1] == 0 then
        table.remove(limit.buckets, at + 1)
        table.remove(limit.buckets, at)
      end
      for pair = first + 2, #ARGV, 2 do
        local index = tonumber(ARGV[pair])
        if index >= limit.oldest then add(limit, index, tonumber(ARGV[pair + 1])) end
      end
      limit.moved = true
      return
    end
  end
end

local function advance(limit, wanted)
  local free = math.floor(limit.quota * 3 / 4) - limit.used
  local advanced = math.min(wanted, math.floor(limit.quota / PART), free)
  if advanced <= 0 then return 0 end
  add(limit, limit.present + LIFE - 1, advanced)
  return advanced
end

local function leaves_in(limit, index)
  return (index + 1) * limit.width + limit.window - now
end

local function write(limit)
  local buckets, cells, last = limit.buckets, {}, 0
  if #buckets == 0 then
    redis.call('DEL', limit.key)
    return
  end
  for at = 1, #buckets, 2 do
    local index = buckets[at]
    cells[at], cells[at + 1] = index - last, buckets[at + 1]
    last = index
  end
  -- Until the newest bucket has left; one on top, for PX starts from whole milliseconds.
  redis.call('SET', limit.key, cmsgpack.pack(cells), 'PX', math.ceil(leaves_in(limit, last) / 1000) + 1)
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

-- Whether a limit would have room without what is advanced.
local function may_have_room(limit)
  local spent = limit.used
  for at = #limit.buckets - 1, 1, -2 do
    if limit.buckets[at] <= limit.present then break end
    spent = spent - limit.buckets[at + 1]
  end
  return spent < limit.quota
end

local further = 2 * #KEYS + 1
local channel, requests, wanted = ARGV[further], tonumber(ARGV[further + 1]), tonumber(ARGV[further + 2])
local limits, refused, may_change = {}, false, requests > 0
for at, key in ipairs(KEYS) do
  limits[at] = read(key, tonumber(ARGV[2 * at - 1]), tonumber(ARGV[2 * at]))
  if at == 1 and ARGV[further + 3] then settle(limits[at], further + 3) end
  refused = refused or limits[at].used + requests > limits[at].quota
  may_change = may_change and may_have_room(limits[at])
end

local reply, advanced, recalled = {now}, 0, 0
for at, limit in ipairs(limits) do
  local wait = refused and retry_in(limit) or 0
  if refused and may_change and limit.used >= limit.quota then
    -- Processes that have leased some of it are asked to return it.
    redis.call('PUBLISH', channel, limit.key)
    recalled = 1
  elseif not refused then
    if requests > 0 then add(limit, limit.present, requests) end
    if at == 1 then advanced = advance(limit, wanted) end
  end
  if not refused or limit.moved then write(limit) end
  reply[#reply + 1] = limit.used
  reply[#reply + 1] = frees_in(limit)
  reply[#reply + 1] = wait
end
reply[#reply + 1] = advanced
reply[#reply + 1] = recalled
return reply
