-- Adds jobs that are not known yet.
-- KEYS jobs, settled, counts. ARGV key, job, key, job, ...
local added = 0
for i = 1, #ARGV, 2 do
    if redis.call('HSETNX', KEYS[2], ARGV[i], '') == 1 then
        redis.call('XADD', KEYS[1], '*', 'key', ARGV[i], 'job', ARGV[i + 1], 'tries', 0)
        added = added + 1
    end
end
redis.call('HINCRBY', KEYS[3], 'added', added)
return added
