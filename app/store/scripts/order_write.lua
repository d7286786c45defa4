-- Writes the copy of one order, moves its indexes and appends to its timeline, unless the copy is newer.
-- KEYS 1 order, 2 timeline, 3 index of all orders, 4 places of archived orders
-- ARGV 1 order id, 2 version the writer saw (0: none), 3 when its read began, 4 the platform's update time,
--      5 write id, 6 state, 7 reference or '', 8 prefix of the state indexes, 9 prefix of the reference
--      indexes, 10 timeline entries kept at most, 11 document, 12 sealed buyer or '', 13 sealed address
--      or '', 14.. timeline entries
-- Returns 'created', 'updated', 'older', 'conflict', or 'archived': it must be brought back first.
--#include timeline
local order, timeline, all = KEYS[1], KEYS[2], KEYS[3]
local id, expected, read_at, updated_at = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local write_id, state, reference = ARGV[5], ARGV[6], ARGV[7]
local state_prefix, reference_prefix = ARGV[8], ARGV[9]

local stored = redis.call('HMGET', order, 'version', 'updated_at', 'read_at', 'write_id', 'write_result',
  'state', 'reference')
local version = tonumber(stored[1] or '0')
if stored[4] == write_id then return stored[5] end
if version == 0 and redis.call('HEXISTS', KEYS[4], id) == 1 then return 'archived' end
if version > 0 then
  local was, now = tonumber(stored[2]), tonumber(updated_at)
  if now < was or (now == was and tonumber(read_at) < tonumber(stored[3])) then return 'older' end
end
if version ~= expected then return 'conflict' end

local result = version == 0 and 'created' or 'updated'
redis.call('HSET', order, 'document', ARGV[11], 'version', version + 1, 'updated_at', updated_at,
  'read_at', read_at, 'write_id', write_id, 'write_result', result, 'state', state, 'reference', reference)
if ARGV[12] ~= '' then redis.call('HSET', order, 'buyer', ARGV[12]) end
if ARGV[13] ~= '' then redis.call('HSET', order, 'shipping_address', ARGV[13]) end
if version > 0 and stored[6] ~= state then redis.call('ZREM', state_prefix .. stored[6], id) end
if version > 0 and stored[7] ~= reference and stored[7] ~= '' then
  redis.call('ZREM', reference_prefix .. stored[7], id)
end
redis.call('ZADD', all, updated_at, id)
redis.call('ZADD', state_prefix .. state, updated_at, id)
if reference ~= '' then redis.call('ZADD', reference_prefix .. reference, updated_at, id) end
local entries = {}
for i = 14, #ARGV do entries[#entries + 1] = ARGV[i] end
append_timeline(timeline, order, tonumber(ARGV[10]), entries)
return result
