-- Ends a run of a command: gives the lease back and either waits for the next attempt or leaves the lane.
-- KEYS 1 command, 2 leases, 3 counters, 4 sequence of what is pending, 5 index of pending reads
-- ARGV 1 id, 2 lease token, 3 now, 4 status ('waiting' or a final one), 5 next attempt's time or '',
--      6 number of the finished attempt or '', 7 that attempt, 8 idempotency key or '' to keep it,
--      9 '1' to keep the wire request, 10 '1' to set the error, 11 error or '', 12 places,
--      13 timeline entries kept at most, 14 '1' to pause it, 15 '1' to make a read pending of its
--      order, 16.. timeline entries
-- Returns '1' and the new head's id, kind and due time ('' each when there is none); '0' for a stale token.
-- The token that settled last gets its first answer again. A command that is paused again without an attempt
-- in between has that in its timeline already.
--#include timeline
--#include commands
--#include command_keys
--#include due
--#include pending_add
local record = KEYS[1]
local id, token, now, status, next_at = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local held = redis.call('HMGET', record, 'lease_token', 'settled_token', 'settled_id', 'settled_kind',
  'settled_due')
if held[2] == token then return { '1', held[3], held[4], held[5] } end
if held[1] ~= token then return { '0', '', '', '' } end
local at = keys_around(record, ARGV[12])

if ARGV[15] == '1' then
  add_pending(KEYS[4], KEYS[5], at.pending, at.order_id, at.shop_id, 'command', now, at.pending_prefix)
end
if ARGV[6] ~= '' then
  redis.call('HSET', record, 'attempt:' .. ARGV[6], ARGV[7])
  local outcome = cjson.decode(ARGV[7]).outcome
  if type(outcome) == 'string' then redis.call('HINCRBY', KEYS[3], 'attempt_' .. outcome, 1) end
end
if ARGV[8] ~= '' then redis.call('HSET', record, 'idempotency_key', ARGV[8]) end
if ARGV[9] ~= '1' then redis.call('HDEL', record, 'wire') end
if ARGV[10] == '1' then redis.call('HSET', record, 'error', ARGV[11]) end
redis.call('HDEL', record, 'lease_token', 'lease_until', 'lost_runs', 'batch')
redis.call('ZREM', KEYS[2], id)
move_status(record, at.status_prefix, id, status)

local next_id, next_kind, next_due = '', '', ''
if status == 'waiting' then
  redis.call('HSET', record, 'next_attempt_at', next_at)
  set_due(at.due, at.due_of, next_at, id)
  next_id, next_kind, next_due = id, redis.call('HGET', record, 'kind'), next_at
else
  redis.call('HSET', record, 'finished_at', now)
  redis.call('LREM', at.lane, 1, id)
  local head = redis.call('LINDEX', at.lane, 0)
  if head then
    next_id, next_kind, next_due = head, redis.call('HGET', at.command_prefix .. head, 'kind'), now
    set_due(at.due_prefix .. next_kind, at.due_of_prefix .. next_kind .. ':' .. at.shop_id, now, head)
  end
end
local entries = {}
local again = ARGV[14] == '1' and ARGV[6] == '' and redis.call('HGET', record, 'paused') == '1'
if not again then
  for i = 16, #ARGV do entries[#entries + 1] = ARGV[i] end
end
if ARGV[14] == '1' then
  redis.call('HSET', record, 'paused', '1')
  redis.call('ZADD', at.paused, redis.call('HGET', record, 'created_at'), id)
end
append_timeline(at.timeline, at.order, tonumber(ARGV[13]), entries)
redis.call('HSET', record, 'settled_token', token, 'settled_id', next_id, 'settled_kind', next_kind,
  'settled_due', next_due)
return { '1', next_id, next_kind, next_due }
