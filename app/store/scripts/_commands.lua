-- Moves a command to a status: its record and its place in the status indexes, scored by its creation. A batch
-- stands in none of them: people look for its members.
local function move_status(record, prefix, id, status)
  local was = redis.call('HMGET', record, 'status', 'created_at', 'members')
  if not was[3] then
    redis.call('ZREM', prefix .. was[1], id)
    redis.call('ZADD', prefix .. status, was[2], id)
  end
  redis.call('HSET', record, 'status', status)
end
