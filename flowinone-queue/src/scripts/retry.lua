-- Puts some dead letters back into the stream; returns how many there were.
-- KEYS jobs, settled, counts, dead. ARGV most
local found = redis.call('HRANDFIELD', KEYS[4], ARGV[1], 'WITHVALUES')
for i = 1, #found, 2 do
    redis.call('HSET', KEYS[2], found[i], '')
    redis.call('XADD', KEYS[1], '*', 'key', found[i], 'job', found[i + 1], 'tries', 0)
    redis.call('HDEL', KEYS[4], found[i])
    redis.call('HINCRBY', KEYS[3], 'failed', -1)
end
return #found / 2
