#!lua flags=allow-oom
-- Forgets a project whose lineage the durable store has ended, and says so. A newer lineage stays, and so does a frozen one: whoever heals it installs
-- what follows.
--
-- KEYS 1 objects, 2 meta, 3 log, 4 clients, 5 dirty, 6 dirty index, 7 channel
-- ARGV 1 the epoch that ended (8 bytes), 2 event to publish or '', 3 project
-- Returns 1: nothing is left, 0: something stays, and nothing was said
-- Atomic: an install between the look and the removal would be lost.
-- {history}
local call = redis.call
local meta = call('HMGET', KEYS[2], 'head', 'frozen')
local head = meta[1]
if whole(head, KEYS[1], KEYS[4], KEYS[3]) then
    -- As numbers: text compares by the server's locale.
    if unpack_bytes('>I8', head) > unpack_bytes('>I8', ARGV[1]) or runs(meta[2]) then return 0 end
end
call('UNLINK', KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5])
call('ZREM', KEYS[6], ARGV[3])
if ARGV[2] ~= '' then call('SPUBLISH', KEYS[7], ARGV[2]) end
return 1
