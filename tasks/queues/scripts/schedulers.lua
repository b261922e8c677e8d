-- The schedulers, first due first. ARGV: how many. {of how many, {id, due, whether its next job is there}…}
local key = base .. 'repeat'
local kind = redis.call('TYPE', key)
kind = type(kind) == 'table' and kind.ok or kind
if kind ~= 'zset' then return {0, {}} end
local page = redis.call('ZRANGE', key, 0, tonumber(ARGV[1]) - 1, 'WITHSCORES')
local found = {}
for at = 1, #page, 2 do
  local id, due = page[at], tonumber(page[at + 1]) or 0
  local tick = base .. 'repeat:' .. id .. ':' .. string.format('%.0f', due)
  found[#found + 1] = {plain(id, 200), math.floor(due), redis.call('EXISTS', tick)}
end
return {redis.call('ZCARD', key), found}
