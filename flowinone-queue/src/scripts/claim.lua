-- Takes over one job whose worker has not renewed its lease. Returns the cursor to go on from, and
-- if there is such a job: its id, its fields, how often it was handed out, and who held it.
-- KEYS jobs. ARGV group, worker, lease in ms, cursor
local found = redis.call('XAUTOCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], 'COUNT', 1)
local entry = found[2][1]
if not entry then
    return {found[1], false, false, false}
end
local pending = redis.call('XPENDING', KEYS[1], ARGV[1], entry[1], entry[1], 1)
return {found[1], entry[1], entry[2], pending[1][4]}
