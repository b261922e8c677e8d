-- A page of the jobs under way. ARGV: first, last. {looked, {id, name, began, stalls}… of those whose lock is gone}.
-- Not the set called stalled: that is the work list of the check that runs just now, healthy jobs among them.
local ids = redis.call('LRANGE', base .. 'active', ARGV[1], ARGV[2])
local gone = {}
for _, id in ipairs(ids) do
  if redis.call('EXISTS', base .. id .. ':lock') == 0 then
    local job = redis.call('HMGET', base .. id, 'name', 'processedOn', 'stc')
    gone[#gone + 1] = {plain(id, 200), plain(job[1], 80), tonumber(job[2]) or 0, tonumber(job[3]) or 0}
  end
end
return {#ids, gone}
