-- The active consumers of a kind in a shop are a sorted set, scored by when they count
-- no more, as 'job token command': of the command each took last.

-- Takes the job out, and those whose time is over. Returns what it took last, or nil.
local function forget_consumer(jobs, job, now)
  local found
  for _, member in ipairs(redis.call('ZRANGE', jobs, 0, -1)) do
    local whose, token, id = member:match('^(%S+) (%S+) (%S+)$')
    if whose == job then
      found = { member = member, token = token, id = id }
      redis.call('ZREM', jobs, member)
    end
  end
  redis.call('ZREMRANGEBYSCORE', jobs, '-inf', now)
  return found
end
