-- A command that is due, or will be, stands in two indexes: of its kind, and of its kind in its shop.
local function set_due(index, of_shop, time, id)
  redis.call('ZADD', index, time, id)
  redis.call('ZADD', of_shop, time, id)
end

local function unset_due(index, of_shop, id)
  redis.call('ZREM', index, id)
  redis.call('ZREM', of_shop, id)
end
