-- Takes entries out of the inbox and owes, in the same change, the work they ask for.
-- KEYS 1 inbox, 2 sequence, 3 index of owed orders, 4 index of owed shops
-- ARGV 1 now, 2 number of stream ids, 3 number of orders, 4 prefix of owed orders, 5 prefix of owed shops,
--      6 prefix of the owed orders by shop, then the stream ids; for each order its id, shop id or '' and
--      cause; for each shop its id
-- Returns {order ids that want waking}, {shop ids that want waking}, entries left.
-- When another drained every one of the entries already, their work is owed already, and nothing changes.
--#include owe
local now, ids, orders = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local gone = 0
for i = 7, 6 + ids do gone = gone + redis.call('XDEL', KEYS[1], ARGV[i]) end

local woken_orders, woken_shops = {}, {}
if gone > 0 then
  local at = 7 + ids
  for _ = 1, orders do
    local order = ARGV[at]
    if owe(KEYS[2], KEYS[3], ARGV[4] .. order, order, ARGV[at + 1], ARGV[at + 2], now, ARGV[6]) == 1 then
      woken_orders[#woken_orders + 1] = order
    end
    at = at + 3
  end
  for i = at, #ARGV do
    local shop = ARGV[i]
    if owe(KEYS[2], KEYS[4], ARGV[5] .. shop, shop, shop, 'webhook', now, '') == 1 then
      woken_shops[#woken_shops + 1] = shop
    end
  end
end
return { woken_orders, woken_shops, redis.call('XLEN', KEYS[1]) }
