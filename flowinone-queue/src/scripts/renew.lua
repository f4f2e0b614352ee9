-- Renews the lease of the jobs that a worker still holds; returns which these are.
-- KEYS jobs. ARGV group, worker, id, id, ...
local kept = {}
for i = 3, #ARGV do
    local held = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2])
    if #held == 1 then
        redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'JUSTID')
        table.insert(kept, ARGV[i])
    end
end
return kept
