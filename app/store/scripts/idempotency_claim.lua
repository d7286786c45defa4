-- Claims an idempotency key for one operation, or says what became of the first one.
-- KEYS 1 record
-- ARGV 1 fingerprint, 2 operation id, 3 now, 4 end of the claim, 5 seconds the record is kept
-- Returns 'claimed' and the operation's id; 'replayed', status, body, headers; 'in_flight' and the end of
-- the claim; 'mismatched'; or 'version' and that of a record of another schema. A claim that lapsed is handed on with the first operation's id.
local record = KEYS[1]
local found = redis.call('HMGET', record, 'fingerprint', 'operation_id', 'claimed_until', 'status', 'body',
  'headers', 'v')
if not found[1] then
  redis.call('HSET', record, 'v', SCHEMA_VERSION, 'fingerprint', ARGV[1], 'operation_id', ARGV[2],
    'claimed_until', ARGV[4])
  redis.call('EXPIRE', record, ARGV[5])
  return { 'claimed', ARGV[2] }
end
if found[7] ~= SCHEMA_VERSION then return { 'version', found[7] or '' } end
if found[1] ~= ARGV[1] then return { 'mismatched' } end
if found[4] then return { 'replayed', found[4], found[5], found[6] } end
if found[2] == ARGV[2] then return { 'claimed', found[2] } end
if tonumber(found[3]) > tonumber(ARGV[3]) then return { 'in_flight', found[3] } end
redis.call('HSET', record, 'claimed_until', ARGV[4])
return { 'claimed', found[2] }
