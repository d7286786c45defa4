-- Gives the lease of a command to a run, and counts the run before it when that never settled.
local function take(record, id, token, lease_until, at, leases)
  local before = redis.call('HMGET', record, 'status', 'settled_token')
  if before[1] == 'running' then redis.call('HINCRBY', record, 'lost_runs', 1) end
  if before[2] == token then redis.call('HDEL', record, 'settled_token') end
  move_status(record, at.status_prefix, id, 'running')
  redis.call('HSET', record, 'lease_token', token, 'lease_until', lease_until)
  redis.call('HDEL', record, 'next_attempt_at')
  unset_due(at.due, at.due_of, id)
  redis.call('ZREM', at.paused, id)
  redis.call('ZADD', leases, lease_until, id)
end

-- What a run is told of its command: the record, the copy of its order, and whether a read of that is pending.
local function taken(record, at)
  return { 'taken', redis.call('HGETALL', record), redis.call('HGETALL', at.order), redis.call('EXISTS', at.pending) }
end
