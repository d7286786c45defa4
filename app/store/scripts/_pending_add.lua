-- Makes work on a subject pending, due now. Returns 1 when its job must be enqueued: it was not pending, or only later.
-- A webhook stays the cause, since drift is what no webhook announced; a shop once known stays known. With the
-- prefix of the indexes by shop, the subject stands in its shop's as it does in the index of all.
local function add_pending(sequence, index, record, subject, shop, cause, now, by_shop)
  local due = redis.call('ZSCORE', index, subject)
  local found = redis.call('HMGET', record, 'shop_id', 'cause')
  local before = found[1] or ''
  if shop == '' then shop = before end
  if found[2] == 'webhook' or (found[2] and cause ~= 'webhook') then cause = found[2] end
  redis.call('HSET', record, 'v', SCHEMA_VERSION, 'seq', redis.call('INCR', sequence), 'shop_id', shop, 'cause', cause)
  local enqueue = not due or tonumber(due) > tonumber(now)
  if enqueue then redis.call('ZADD', index, now, subject) end
  if by_shop ~= '' and (enqueue or before ~= shop) then
    if before ~= shop and before ~= '' then redis.call('ZREM', by_shop .. before, subject) end
    if shop ~= '' then redis.call('ZADD', by_shop .. shop, enqueue and now or due, subject) end
  end
  return enqueue and 1 or 0
end
