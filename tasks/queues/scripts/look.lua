-- ARGV[1]: now, in ms. How a queue stands; what is no queue has -1 where a key is of another type.
local now = tonumber(ARGV[1])
local TAIL, HEAD, CLASSES = 100, 10, 50

local function count(command, name, ...)
  local found = redis.pcall(command, base .. name, ...)
  return type(found) == 'number' and found or -1
end

local function text(name, field)
  local found = redis.pcall('HGET', base .. name, field)
  return type(found) == 'string' and plain(found, 60) or ''
end

local oldest, unknown = 0, 0

-- Since when a job is due: not known of one that was tried before, whose moment of coming back is written nowhere.
local function due(id)
  local job = redis.call('HMGET', base .. id, 'timestamp', 'opts', 'atm', 'attemptsMade')
  local at = tonumber(job[1])
  if not at then return end
  if tries(job[3], job[4]) > 0 then
    unknown = unknown + 1
    return
  end
  at = at + (tonumber(options(job[2]).delay) or 0)
  if oldest == 0 or at < oldest then oldest = at end
end

local function ends(name)
  for _, id in ipairs(redis.call('LRANGE', base .. name, -TAIL, -1)) do due(id) end
  -- Jobs that are added last in, first out stand behind those that wait longer.
  for _, id in ipairs(redis.call('LRANGE', base .. name, 0, HEAD - 1)) do due(id) end
end

local wait, held, active = count('LLEN', 'wait'), count('LLEN', 'paused'), count('LLEN', 'active')
local delayed, prioritized = count('ZCARD', 'delayed'), count('ZCARD', 'prioritized')
if wait > 0 then ends('wait') end
if held > 0 then ends('paused') end
if prioritized > 0 then
  -- The first of each priority has waited longest of it.
  local from = '-inf'
  for _ = 1, CLASSES do
    local first = redis.call('ZRANGEBYSCORE', base .. 'prioritized', from, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    if #first == 0 then break end
    due(first[1])
    from = string.format('%.0f', (math.floor(tonumber(first[2]) / 4294967296) + 1) * 4294967296)
  end
end
local overdue = 0
if delayed > 0 then
  overdue = redis.call('ZCOUNT', base .. 'delayed', '-inf', string.format('%.0f', now * 4096))
  local first = redis.call('ZRANGE', base .. 'delayed', 0, 0, 'WITHSCORES')
  local at = math.floor(tonumber(first[2]) / 4096)
  -- Nobody has moved it to those that wait. A score below any date is a delay of an older library's.
  if at <= now and at > 0 and (oldest == 0 or at < oldest) then oldest = at end
end
local mark = redis.pcall('EXISTS', base .. 'meta-paused')
local of_bullmq = text('meta', 'opts.maxLenEvents') ~= '' or redis.call('EXISTS', base .. 'events') == 1
return {
  text('meta', 'version'), of_bullmq and 1 or 0, text('meta', 'paused'), mark == 1 and 1 or 0,
  wait, held, active, delayed, overdue, prioritized,
  count('ZCARD', 'failed'), count('ZCARD', 'completed'), count('ZCARD', 'waiting-children'),
  oldest, unknown,
}
