-- Notes on the members of a batch that it waits, so that each member shows why and until when.
-- KEYS none
-- ARGV 1 batch id, 2 when it continues, 3 number of the finished attempt or '', 4 that attempt, 5 error, 6 key prefixes,
--      7 timeline entries kept at most; then for each member its id and a timeline entry
-- Returns how many were noted. A member that left the batch is left alone; one whose wait continues without an
-- attempt in between has that in its timeline already.
--#include timeline
--#include commands
--#include command_keys
local prefix = ARGV[6]:match('^%S+ %S+ %S+ %S+ %S+ (%S+)')
local noted = 0
for i = 8, #ARGV, 2 do
  local record = prefix .. ARGV[i]
  local found = redis.call('HMGET', record, 'batch', 'status')
  if found[1] == ARGV[1] then
    local at = keys_around(record, ARGV[6])
    move_status(record, at.status_prefix, ARGV[i], 'waiting')
    redis.call('HSET', record, 'next_attempt_at', ARGV[2], 'error', ARGV[5])
    if ARGV[3] ~= '' then redis.call('HSET', record, 'attempt:' .. ARGV[3], ARGV[4], 'last_attempt', ARGV[3]) end
    if ARGV[3] ~= '' or found[2] ~= 'waiting' then
      append_timeline(at.timeline, at.order, tonumber(ARGV[7]), { ARGV[i + 1] })
    end
    noted = noted + 1
  end
end
return noted
