-- Takes rows out of the inbox and makes the work that their entries ask for pending, in the same change.
-- KEYS 1 inbox, 2 entries that wait in it, 3 sequence, 4 index of pending orders, 5 index of pending shops
-- ARGV 1 now, 2 number of rows, 3 number of orders, 4 prefix of pending orders, 5 prefix of pending shops,
--      6 prefix of the pending orders by shop, then for each row its stream id and its number of entries; for each
--      order its id, shop id or '' and cause; for each shop its id
-- Returns {order ids to enqueue}, {shop ids to enqueue}, entries left.
-- When another drained every one of the rows already, their work is pending already, and nothing changes.
--#include pending_add
local now, rows, orders = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local gone, at = 0, 7
for _ = 1, rows do
  if redis.call('XDEL', KEYS[1], ARGV[at]) == 1 then gone = gone + ARGV[at + 1] end
  at = at + 2
end

local enqueued_orders, enqueued_shops = {}, {}
if gone > 0 then
  redis.call('DECRBY', KEYS[2], gone)
  for _ = 1, orders do
    local order = ARGV[at]
    if add_pending(KEYS[3], KEYS[4], ARGV[4] .. order, order, ARGV[at + 1], ARGV[at + 2], now, ARGV[6]) == 1 then
      enqueued_orders[#enqueued_orders + 1] = order
    end
    at = at + 3
  end
  for i = at, #ARGV do
    local shop = ARGV[i]
    if add_pending(KEYS[3], KEYS[5], ARGV[5] .. shop, shop, shop, 'webhook', now, '') == 1 then
      enqueued_shops[#enqueued_shops + 1] = shop
    end
  end
end
return { enqueued_orders, enqueued_shops, tonumber(redis.call('GET', KEYS[2]) or 0) }
