-- Settles a job, once: its line of the report, its count, its end in the stream. A dead letter
-- keeps what it was, to be tried again. Returns whether this call settled it.
-- KEYS jobs, settled, counts, dead. ARGV group, id, key, outcome, line of the report, job or ''
local first = redis.call('HGET', KEYS[2], ARGV[3]) == ''
if first then
    redis.call('HSET', KEYS[2], ARGV[3], ARGV[5])
    redis.call('HINCRBY', KEYS[3], ARGV[4], 1)
    if ARGV[6] ~= '' then
        redis.call('HSET', KEYS[4], ARGV[3], ARGV[6])
    end
end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
redis.call('XDEL', KEYS[1], ARGV[2])
return first and 1 or 0
