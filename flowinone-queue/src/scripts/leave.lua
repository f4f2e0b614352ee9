-- Forgets a worker that holds nothing, and others that hold nothing and were not seen for long.
-- KEYS jobs. ARGV group, worker, ms that are long
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
    local of = {}
    for i = 1, #consumer, 2 do
        of[consumer[i]] = consumer[i + 1]
    end
    if of.pending == 0 and (of.name == ARGV[2] or of.idle > tonumber(ARGV[3])) then
        redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], of.name)
    end
end
return 1
