-- KEYS: the job, its logs, the failed set, where both are kept. ARGV: id, when it failed, seconds to keep it.
-- Only that failure: a job that was tried since has another moment. 1: kept; 0: it is no longer that one.
local at = redis.call('ZSCORE', KEYS[3], ARGV[1])
if not at or tonumber(at) ~= tonumber(ARGV[2]) or redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
for from, to in pairs({[KEYS[1]] = KEYS[4], [KEYS[2]] = KEYS[5]}) do
  if redis.call('EXISTS', from) == 1 then
    redis.call('COPY', from, to, 'REPLACE')
    redis.call('EXPIRE', to, ARGV[3])
  end
end
return 1
