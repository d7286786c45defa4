-- Ends a drain loop of a kind in a shop, and returns what is left for another job: a command that is accepted after this
-- does not count on the job any more.
-- KEYS 1 due index of the kind in the shop, 2 active consumers of it
-- ARGV 1 job, 2 now, 3 prefix of commands
-- Returns id and order id of the command that has been due the longest; '' twice when nothing is due.
--#include consumers
forget_consumer(KEYS[2], ARGV[1], tonumber(ARGV[2]))
local id = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[2], 'LIMIT', 0, 1)[1]
if not id then return { '', '' } end
return { id, redis.call('HGET', ARGV[3] .. id, 'order_id') or '' }
