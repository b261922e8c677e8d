-- A page of the jobs that failed, the newest first. ARGV: from ms, until ms, offset, how many, what: groups, or rows.
-- Groups: {looked, {name, reason, jobs, newest, oldest, an id, most tries in vain}…, {id, name, reason, tries, at}…},
-- the last of those that are tried again and again. Rows: {looked, {id, at, reason, name, tries, lifo}…}.
local POISONED = 2
local page = redis.call(
  'ZREVRANGEBYSCORE', base .. 'failed', ARGV[2], ARGV[1], 'WITHSCORES', 'LIMIT', ARGV[3], ARGV[4])
local groups, order, rows, poisoned = {}, {}, {}, {}
for at = 1, #page, 2 do
  local id, finished = page[at], math.floor(tonumber(page[at + 1]))
  local job = redis.call('HMGET', base .. id, 'name', 'failedReason', 'atm', 'attemptsMade', 'opts')
  local name, why, told = plain(job[1], 80), reason(job[2]), options(job[5])
  local vain = in_vain(tries(job[3], job[4]), told)
  if ARGV[5] == 'rows' then
    rows[#rows + 1] = {id, finished, why, name, vain, told.lifo and 1 or 0}
  else
    local key = name .. '\0' .. why
    local group = groups[key]
    if not group then
      group = {name, why, 0, finished, finished, plain(id, 200), vain}
      groups[key] = group
      order[#order + 1] = group
    end
    group[3] = group[3] + 1
    group[5] = finished
    if vain > group[7] then group[7] = vain end
    if vain >= POISONED then poisoned[#poisoned + 1] = {id, name, why, vain, finished} end
  end
end
if ARGV[5] == 'rows' then return {#page / 2, rows} end
return {#page / 2, order, poisoned}
