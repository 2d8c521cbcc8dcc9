#!lua flags=no-writes
-- Reads a whole state while Redis is full: it refuses transactions then, even such as only read. Otherwise a transaction does it, which copies less.
--
-- KEYS 1 objects, 2 meta, 3 log, 4 clients
-- Returns a list: objects, clients, meta, entries of the log, whether there is a log
-- Atomic: the parts must be of one moment.
local call = redis.call
return { call('HGETALL', KEYS[1]), call('HGETALL', KEYS[4]), call('HGETALL', KEYS[2]), call('XRANGE', KEYS[3], '-', '+'), call('EXISTS', KEYS[3]) }
