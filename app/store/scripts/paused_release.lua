-- Lets paused commands of a shop continue, in the order of their creation, spread over time.
-- KEYS 1 admission state, 2 paused commands of the shop
-- ARGV 1 now, 2 commands at most, 3 microseconds between two, 4 latest time to give out, 5 prefix of
--      commands, 6 prefix of due indexes, 7 prefix of those of a shop, 8 shop id
-- Returns { {id, kind, order id, due time}... }. A command that does not wait any more is only unlisted.
-- Sent twice, it continues where it ended: what the first answer named is due in the ledger, and the sweep
-- enqueues it.
--#include due
local state, paused = KEYS[1], KEYS[2]
local slot = math.max(tonumber(ARGV[1]), tonumber(redis.call('HGET', state, 'release_next') or '0'))
local released = {}
for _, id in ipairs(redis.call('ZRANGE', paused, 0, tonumber(ARGV[2]) - 1)) do
  local record = redis.call('HMGET', ARGV[5] .. id, 'status', 'kind', 'order_id')
  if record[1] == 'waiting' then
    if slot > tonumber(ARGV[4]) then break end
    local due = string.format('%.0f', slot)
    set_due(ARGV[6] .. record[2], ARGV[7] .. record[2] .. ':' .. ARGV[8], due, id)
    redis.call('HSET', ARGV[5] .. id, 'next_attempt_at', due)
    released[#released + 1] = { id, record[2], record[3], due }
    slot = slot + tonumber(ARGV[3])
  end
  redis.call('ZREM', paused, id)
end
redis.call('HSET', state, 'release_next', string.format('%.0f', slot))
return released
