-- Gives back jobs that a worker holds: they wait again, behind all others, and that they were handed
-- out is not counted as a try.
-- KEYS jobs. ARGV group, worker, id, id, ...
local given = 0
for i = 3, #ARGV do
    local held = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2])
    local entry = redis.call('XRANGE', KEYS[1], ARGV[i], ARGV[i])[1]
    if #held == 1 and entry then
        local fields = entry[2]
        for field = 1, #fields, 2 do
            if fields[field] == 'tries' then
                fields[field + 1] = fields[field + 1] + held[1][4] - 1
            end
        end
        redis.call('XACK', KEYS[1], ARGV[1], ARGV[i])
        redis.call('XDEL', KEYS[1], ARGV[i])
        redis.call('XADD', KEYS[1], '*', unpack(fields))
        given = given + 1
    end
end
return given
