#!lua flags=allow-oom
-- Stops a lineage for a while, or renews the lease of the same token. Also when memory is full: a heal frees some.
--
-- KEYS 1 objects, 2 meta, 3 log, 4 clients
-- ARGV 1 token (8 bytes), 2 lease in ms
-- Returns a list: 'ok', position of the head | 'busy' | 'empty'
-- Atomic: of two healers one must win, and the position must be the one at which it stands still.
-- {history}
local meta = redis.call('HMGET', KEYS[2], 'head', 'frozen')
local head, frozen = meta[1], meta[2]
if not whole(head, KEYS[1], KEYS[4], KEYS[3]) then return { 'empty' } end
if frozen and sub(frozen, 1, 8) ~= ARGV[1] and runs(frozen) then return { 'busy' } end
redis.call('HSET', KEYS[2], 'frozen', ARGV[1] .. string.format('%.0f', now_ms() + tonumber(ARGV[2])))
return { 'ok', head }
