-- Stores the first answer of a claimed operation.
-- KEYS 1 record
-- ARGV 1 status, 2 body, 3 headers, 4 seconds the answer is kept
-- Returns nothing. An answer stored before stays; a key that nobody claimed stores none.
--#include idempotency
finish_answer(KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4])
