-- What came to its end lately. ARGV: from ms, until ms, most events.
-- {completed by the stream of events, whether the stream reaches back so far, completed and failed by their sets}
local completed, reaches = 0, 0
local stream = base .. 'events'
local found = redis.pcall('XREVRANGE', stream, '+', ARGV[1], 'COUNT', ARGV[3])
if type(found) == 'table' and not found.err and redis.call('EXISTS', stream) == 1 then
  for _, entry in ipairs(found) do
    local fields = entry[2]
    for at = 1, #fields, 2 do
      if fields[at] == 'event' and fields[at + 1] == 'completed' then completed = completed + 1 end
    end
  end
  local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)
  local begins = first[1] and tonumber(string.match(first[1][1], '^(%d+)')) or 0
  reaches = (#found < tonumber(ARGV[3]) and (begins <= tonumber(ARGV[1]) or #found == redis.call('XLEN', stream)))
    and 1 or 0
end
local function between(name)
  local number = redis.pcall('ZCOUNT', base .. name, ARGV[1], ARGV[2])
  return type(number) == 'number' and number or 0
end
return {completed, reaches, between('completed'), between('failed')}
