-- Moves a command to a status: its record and its place in the status indexes, scored by its creation.
local function move_status(record, prefix, id, status)
  local was = redis.call('HMGET', record, 'status', 'created_at')
  redis.call('ZREM', prefix .. was[1], id)
  redis.call('ZADD', prefix .. status, was[2], id)
  redis.call('HSET', record, 'status', status)
end
