#!lua
-- Puts a state that lies ready under other names in place, if the store still has what it is put over.
--
-- KEYS 1 objects, 2 meta, 3 log, 4 clients, 5 dirty, 6 dirty index, 7 channel, 8 new objects, 9 new log, 10 new clients
-- ARGV 1 'empty' or 'frozen', 2 the token of the freeze (8 bytes), 3 the position where it stood
--      4 new head, 5 new saved, 6 new base (seq and commit id), 7 event to publish or '', 8 project, 9 ms that a saved project is kept
--      10 fields of new objects, 11 entries of new log, 12 fields of new clients
-- Returns 1: in place, 0: there is something else, -1: what lay ready is not whole any more
-- Atomic: a commit between the check and the renaming would be lost, and nobody may see half a state.
-- {history}
local call = redis.call
local meta = call('HMGET', KEYS[2], 'head', 'frozen')
local head, frozen = meta[1], meta[2]
local epoch = whole(head, KEYS[1], KEYS[4], KEYS[3])
if ARGV[1] == 'empty' then
    if epoch then return 0 end
elseif not epoch or head ~= ARGV[3] or not frozen or sub(frozen, 1, 8) ~= ARGV[2] then
    return 0
end
if call('HLEN', KEYS[8]) ~= tonumber(ARGV[10]) or call('EXISTS', KEYS[9]) == 0 or call('XLEN', KEYS[9]) ~= tonumber(ARGV[11])
    or call('HLEN', KEYS[10]) ~= tonumber(ARGV[12]) then
    return -1
end

-- Not RENAME alone: it would free the old ones on the spot, and a large hash takes long.
call('UNLINK', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
call('RENAME', KEYS[8], KEYS[1])
call('RENAME', KEYS[9], KEYS[3])
call('RENAME', KEYS[10], KEYS[4])
call('HSET', KEYS[2], 'head', ARGV[4], 'saved', ARGV[5], 'base', ARGV[6])
local now = now_ms()
if unpack_bytes('>I8', ARGV[4], 9) > unpack_bytes('>I8', ARGV[5], 9) then
    for _, key in ipairs({ KEYS[1], KEYS[3], KEYS[4] }) do call('PERSIST', key) end
    call('SET', KEYS[5], now)
    call('ZADD', KEYS[6], now, ARGV[8])
else
    call('HSET', KEYS[2], 'idle', 1)
    for i = 1, 4 do call('PEXPIREAT', KEYS[i], now + tonumber(ARGV[9])) end
    call('DEL', KEYS[5])
    call('ZREM', KEYS[6], ARGV[8])
end
if ARGV[7] ~= '' then call('SPUBLISH', KEYS[7], ARGV[7]) end
return 1
