-- Closes a dead command for good.
-- KEYS 1 command
-- ARGV 1 id, 2 now, 3 reason, 4 places, 5 timeline entries kept at most, 6.. timeline entries
-- Returns 1; 0 when it is not dead. The same time again gets the first answer.
--#include timeline
--#include commands
--#include command_keys
local record, id, now = KEYS[1], ARGV[1], ARGV[2]
local found = redis.call('HMGET', record, 'status', 'dismissed_at')
if found[2] == now then return 1 end
if found[1] ~= 'dead' then return 0 end
local at = keys_around(record, ARGV[4])
move_status(record, at.status_prefix, id, 'failed')
redis.call('HSET', record, 'dismissed_at', now, 'finished_at', now, 'error', ARGV[3])
local entries = {}
for i = 6, #ARGV do entries[#entries + 1] = ARGV[i] end
append_timeline(at.timeline, at.order, tonumber(ARGV[5]), entries)
return 1
