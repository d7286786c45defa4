-- Takes the command of a kind and shop that has been due the longest, for a drain loop. The job
-- counts as an active consumer until nothing is due, or until it does not come back in time.
-- KEYS 1 due index of the kind in the shop, 2 active consumers of it, 3 leases, 4 due index of the kind
-- ARGV 1 job, 2 lease token, 3 now, 4 end of the lease, 5 until when the job counts, 6 places,
--      7 prefix of commands
-- Returns what `command_lease` does for a taken one, and how many more are due; 'none' when nothing is. The same
-- token again gets the command that it took, as that stands now.
--#include commands
--#include command_keys
--#include due
--#include lease
--#include consumers
local due, jobs, leases = KEYS[1], KEYS[2], KEYS[3]
local job, token, now = ARGV[1], ARGV[2], tonumber(ARGV[3])
local prefix = ARGV[7]

local function answer(record, at)
  local told = taken(record, at)
  told[#told + 1] = redis.call('ZCOUNT', due, '-inf', now)
  return told
end

local before = forget_consumer(jobs, job, now)
if before and before.token == token then
  local record = prefix .. before.id
  redis.call('ZADD', jobs, ARGV[5], before.member)
  return answer(record, keys_around(record, ARGV[6]))
end
-- Every due command heads its lane and is leased to nobody; what is neither has no business in the index.
for _, id in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, 10)) do
  local record = prefix .. id
  local status = redis.call('HGET', record, 'status')
  if status == 'pending' or status == 'waiting' then
    local at = keys_around(record, ARGV[6])
    take(record, id, token, ARGV[4], at, leases)
    redis.call('ZADD', jobs, ARGV[5], job .. ' ' .. token .. ' ' .. id)
    return answer(record, at)
  end
  unset_due(KEYS[4], due, id)
end
return { 'none' }
