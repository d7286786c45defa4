-- Owes a sync of one order, or a reconciliation of one shop.
-- KEYS 1 sequence, 2 index of what is pending, 3 record of the subject
-- ARGV 1 subject, 2 shop id or '', 3 cause, 4 now, 5 prefix of the indexes by shop, '' for a shop
-- Returns 1 when its job must be enqueued, 0 when it was pending and due already.
--#include pending_add
return add_pending(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5])
