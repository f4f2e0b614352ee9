-- Puts a job that failed at the end of the stream, with one try more.
-- KEYS jobs, settled. ARGV group, id, key, job, tries
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 1
    and redis.call('HGET', KEYS[2], ARGV[3]) == '' then
    redis.call('XADD', KEYS[1], '*', 'key', ARGV[3], 'job', ARGV[4], 'tries', ARGV[5])
end
redis.call('XDEL', KEYS[1], ARGV[2])
return 1
