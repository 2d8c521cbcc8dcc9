#!lua flags=no-writes
-- Says what a room has missed.
--
-- KEYS 1 objects, 2 meta, 3 log, 4 clients
-- ARGV 1 the room's position
-- Returns a list: 'ok', position of the head, position saved, entries missed | 'empty' | 'epoch', epoch | 'frozen' | 'fork' | 'trimmed'
-- Atomic: the entries must be those up to the head that is named.
-- {history}
local meta = redis.call('HMGET', KEYS[2], 'head', 'saved', 'frozen')
local head = meta[1]
local epoch = whole(head, KEYS[1], KEYS[4], KEYS[3])
if not epoch then return { 'empty' } end
if sub(ARGV[1], 1, 8) ~= epoch then return { 'epoch', epoch } end
if meta[3] and runs(meta[3]) then return { 'frozen' } end
local wrong, missed = compare(ARGV[1], head, KEYS[2], KEYS[3], 1024)
if wrong then return wrong end
return { 'ok', head, meta[2], missed }
