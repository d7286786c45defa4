-- Puts a dead command back at the end of its lane, with its attempts kept but counted anew.
-- KEYS 1 command
-- ARGV 1 id, 2 now, 3 idempotency key, 4 commands a lane holds at most, 5 places,
--      6 timeline entries kept at most, 7.. timeline entries
-- Returns 'replayed', 'not_dead' or 'full'. The same time again gets the first answer.
--#include timeline
--#include commands
--#include command_keys
--#include due
local record, id, now = KEYS[1], ARGV[1], ARGV[2]
local found = redis.call('HMGET', record, 'status', 'replayed_at', 'idempotency_key', 'last_attempt')
if found[2] == now then return 'replayed' end
if found[1] ~= 'dead' then return 'not_dead' end
local at = keys_around(record, ARGV[5])
if redis.call('LLEN', at.lane) >= tonumber(ARGV[4]) then return 'full' end

move_status(record, at.status_prefix, id, 'pending')
redis.call('HSET', record, 'replayed_at', now, 'idempotency_key', ARGV[3], 
  'attempts_before', found[4] or '0')
redis.call('HDEL', record, 'finished_at', 'next_attempt_at', 'settled_token')
-- Other bytes belong to another key; the same key must carry the same bytes.
if found[3] ~= ARGV[3] then redis.call('HDEL', record, 'wire') end
if redis.call('RPUSH', at.lane, id) == 1 then set_due(at.due, at.due_of, now, id) end
local entries = {}
for i = 7, #ARGV do entries[#entries + 1] = ARGV[i] end
append_timeline(at.timeline, at.order, tonumber(ARGV[6]), entries)
return 'replayed'
