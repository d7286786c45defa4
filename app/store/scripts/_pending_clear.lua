-- Clears what is pending on one subject, in the index of all and in its shop's.
local function clear_pending(index, record, subject, by_shop)
  local shop = redis.call('HGET', record, 'shop_id')
  redis.call('DEL', record)
  redis.call('ZREM', index, subject)
  if shop and shop ~= '' then redis.call('ZREM', by_shop .. shop, subject) end
end
