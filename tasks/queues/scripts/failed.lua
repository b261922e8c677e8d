-- A page of the jobs that failed, the newest first. ARGV: from ms, until ms, offset, how many, what.
-- groups: {looked, {name, reason, jobs, newest, oldest, an id}…}
-- rows: {looked, {id, at, reason, name, tried in vain, last in first out}…}
-- poisoned: the same rows, of those that were tried in vain at least twice.
local POISONED = 2
local what = ARGV[5]
local page = redis.call(
  'ZREVRANGEBYSCORE', base .. 'failed', ARGV[2], ARGV[1], 'WITHSCORES', 'LIMIT', ARGV[3], ARGV[4])
local groups, found = {}, {}

local function group(id, finished)
  local job = redis.call('HMGET', base .. id, 'name', 'failedReason')
  local name, why = plain(job[1], 80), reason(job[2])
  local key = name .. '\0' .. why
  local known = groups[key]
  if not known then
    known = {name, why, 0, finished, finished, plain(id, 200)}
    groups[key] = known
    found[#found + 1] = known
  end
  known[3] = known[3] + 1
  known[5] = finished
end

local function row(id, finished)
  local job = redis.call('HMGET', base .. id, 'atm', 'attemptsMade', 'name', 'failedReason', 'opts')
  local vain = in_vain(tries(job[1], job[2]), job[5])
  if what == 'poisoned' and vain < POISONED then return end
  local last_in = job[5] and string.find(job[5], 'lifo', 1, true) and options(job[5]).lifo and 1 or 0
  found[#found + 1] = {id, finished, reason(job[4]), plain(job[3], 80), vain, last_in}
end

for at = 1, #page, 2 do
  local finished = math.floor(tonumber(page[at + 1]))
  if what == 'groups' then group(page[at], finished) else row(page[at], finished) end
end
return {#page / 2, found}
