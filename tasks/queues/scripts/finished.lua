-- What came to its end lately. ARGV: from ms, until ms, most events.
-- {jobs completed, jobs failed, since when both are counted, 1 if it can be told how many were completed}
-- By the stream of events: what is completed is removed at once in many queues. A busy one's does not reach back so far.
local from, most = tonumber(ARGV[1]), tonumber(ARGV[3])
local stream = base .. 'events'

local function between(name, first)
  local number = redis.pcall('ZCOUNT', base .. name, string.format('%.0f', first), ARGV[2])
  return type(number) == 'number' and number or 0
end

local by_set = between('completed', from)
local found = redis.pcall('XREVRANGE', stream, '+', ARGV[1], 'COUNT', most)
if type(found) ~= 'table' or found.err or redis.call('EXISTS', stream) == 0 then
  return {by_set, between('failed', from), from, by_set > 0 and 1 or 0}
end
local completed = 0
for _, entry in ipairs(found) do
  local fields = entry[2]
  for at = 1, #fields, 2 do
    if fields[at] == 'event' and fields[at + 1] == 'completed' then completed = completed + 1 end
  end
end
-- Cut off, by us or by the stream's own limit: then only what its last entries cover is compared.
local cut = #found == most or (#found > 0 and #found == redis.call('XLEN', stream) and #found >= 1000)
local first = from
if cut and completed >= by_set then first = tonumber(string.match(found[#found][1], '^(%d+)')) end
return {math.max(completed, by_set), between('failed', first), first, 1}
