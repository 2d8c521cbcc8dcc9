#!lua flags=allow-oom
-- Moves the watermark up and trims the log below it. Also when memory is full: this is what frees some.
--
-- KEYS 1 objects, 2 meta, 3 log, 4 clients, 5 dirty, 6 dirty index, 7 channel
-- ARGV 1 the position that is saved, 2 event to publish or '', 3 project, 4 ms that a saved project is kept
--      5 saved commits and 6 bytes of the log that stay
--      7 how many ms ago the saver looked, when it has saved all that it saw: what is unsaved is younger; else ''
-- Returns a list of three: 1 when the position is on this history, 0 when it is not, -1 when there is none; whether the watermark moved; the head if
-- all is saved, else ''
-- Atomic: a commit between the comparison of head and watermark and the removal of the mark would be forgotten.
-- {history}
local call = redis.call
local position = ARGV[1]
local meta = call('HMGET', KEYS[2], 'head', 'saved', 'base')
local head, saved, base = meta[1], meta[2], meta[3]
local epoch = whole(head, KEYS[1], KEYS[4], KEYS[3])
if not epoch then
    -- Nothing here can be saved any more, and nobody need come back for it.
    call('ZREM', KEYS[6], ARGV[3])
    call('DEL', KEYS[5])
    return { -1, 0, '' }
end
local at, top = unpack_bytes('>I8', position, 9), unpack_bytes('>I8', head, 9)
local bottom, mark = unpack_bytes('>I8', base), unpack_bytes('>I8', saved, 9)
if sub(position, 1, 8) ~= epoch or at < bottom or at > top then return { 0, 0, '' } end
local id
if at == top then
    id = sub(head, 17, 24)
else
    id = id_before(call('XRANGE', KEYS[3], at + 1, '+', 'COUNT', 1)[1], at)
end
if id ~= sub(position, 17, 24) then return { 0, 0, '' } end

local is_moved = at > mark
if is_moved then
    mark = at
    local keep = mark - tonumber(ARGV[5])
    -- Samples a few entries, so it is about right.
    local bytes = call('MEMORY', 'USAGE', KEYS[3])
    if bytes > tonumber(ARGV[6]) then
        keep = math.max(keep, math.min(mark, top - math.floor((top - bottom) * tonumber(ARGV[6]) / bytes)))
    end
    if keep > bottom then
        call('XTRIM', KEYS[3], 'MINID', '=', keep + 1)
        local first = call('XRANGE', KEYS[3], '-', '+', 'COUNT', 1)[1]
        if first then
            local seq = unpack_bytes('>I8', first[2][2], 2)
            base = pack('>I8', seq - 1) .. sub(first[2][2], 10, 17)
        else
            base = sub(head, 9, 24)
        end
    end
    call('HSET', KEYS[2], 'saved', position, 'base', base)
    if ARGV[2] ~= '' then call('SPUBLISH', KEYS[7], ARGV[2]) end
end
if mark < top then
    if is_moved and ARGV[7] ~= '' then call('ZADD', KEYS[6], now_ms() - ARGV[7], ARGV[3]) end
    return { 1, is_moved and 1 or 0, '' }
end
call('DEL', KEYS[5])
call('ZREM', KEYS[6], ARGV[3])
call('HSET', KEYS[2], 'idle', 1)
local until_ms = now_ms() + tonumber(ARGV[4])
for i = 1, 4 do call('PEXPIREAT', KEYS[i], until_ms) end
return { 1, is_moved and 1 or 0, head }
