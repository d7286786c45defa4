-- Takes the lease of a command, if it is the head of its lane, due, and nobody holds it.
-- KEYS 1 command, 2 leases
-- ARGV 1 id, 2 lease token, 3 now, 4 end of the lease, 5 places
-- Returns 'taken', the record {field, value, ...}, in it `lost_runs`, the runs in a row that never settled, the
-- copy of its order likewise, and 1 when a read of that is pending; or 'missing', 'done', 'not_head', 'leased',
-- 'not_due', the time when that ends or '', and the shop id or ''. The token that holds the lease takes it again
-- as it stands. What is in a batch is leased until the batch lets go.
--#include commands
--#include command_keys
--#include due
--#include lease
local record, leases = KEYS[1], KEYS[2]
local id, token, now, lease_until = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]

local found = redis.call('HMGET', record, 'status', 'lease_token', 'lease_until', 'batch', 'shop_id')
local status, shop = found[1], found[5]
if not status then return { 'missing', '', '' } end
if found[4] then return { 'leased', '', shop } end
if status == 'running' then
  if found[2] == token then return taken(record, keys_around(record, ARGV[5])) end
  if tonumber(found[3]) > now then return { 'leased', found[3], shop } end
elseif status ~= 'pending' and status ~= 'waiting' then
  return { 'done', '', shop }
end
local at = keys_around(record, ARGV[5])
if redis.call('LINDEX', at.lane, 0) ~= id then return { 'not_head', '', shop } end
local due_at = redis.call('ZSCORE', at.due, id)
if due_at and tonumber(due_at) > now then return { 'not_due', due_at, shop } end

take(record, id, token, lease_until, at, leases)
return taken(record, at)
