-- The keys around a command, found from its record: `places` is the list of prefixes that keys.py gives, of
-- lanes, orders, timelines, due indexes, status indexes, commands, paused commands, pending reads, pending reads of a
-- shop and due indexes of a shop, as one text with a space between them.
local function keys_around(record, places)
  local found = redis.call('HMGET', record, 'order_id', 'kind', 'shop_id')
  local prefix = {}
  for one in places:gmatch('%S+') do prefix[#prefix + 1] = one end
  return {
    lane = prefix[1] .. found[1], order = prefix[2] .. found[1], timeline = prefix[3] .. found[1],
    due = prefix[4] .. found[2], due_prefix = prefix[4], status_prefix = prefix[5], command_prefix = prefix[6],
    paused = prefix[7] .. found[3], pending = prefix[8] .. found[1], pending_prefix = prefix[9],
    due_of = prefix[10] .. found[2] .. ':' .. found[3], due_of_prefix = prefix[10],
    order_id = found[1], shop_id = found[3],
  }
end
