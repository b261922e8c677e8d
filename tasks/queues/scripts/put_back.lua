-- KEYS: the job, its logs, the failed set, where both are kept. ARGV: id, when it failed.
-- 1: it lies among the failed again; 0: nothing is kept; -1: there is a job of that id by now, and it is left alone.
if redis.call('EXISTS', KEYS[4]) == 0 then return 0 end
if redis.call('EXISTS', KEYS[1]) == 1 then return -1 end
for from, to in pairs({[KEYS[4]] = KEYS[1], [KEYS[5]] = KEYS[2]}) do
  if redis.call('EXISTS', from) == 1 then
    redis.call('RENAME', from, to)
    redis.call('PERSIST', to)
  end
end
redis.call('ZADD', KEYS[3], ARGV[2], ARGV[1])
return 1
