-- KEYS: wait, paused, meta, marker, events. As BullMQ 5 means a pause: its jobs lie in `paused` until they are resumed.
-- The script of BullMQ 6 leaves them in `wait`, over which BullMQ 5's resume then puts `paused`: they are lost.
if redis.call('EXISTS', KEYS[1]) == 1 then
  if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
  redis.call('RENAME', KEYS[1], KEYS[2])
end
redis.call('HSET', KEYS[3], 'paused', 1)
redis.call('DEL', KEYS[4])
redis.call('XADD', KEYS[5], 'MAXLEN', '~', 10000, '*', 'event', 'paused')
return 1
