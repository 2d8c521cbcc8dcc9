#!lua flags=no-writes
-- Reads the log after a seq, about so many bytes of it and one entry at least.
--
-- KEYS 1 objects, 2 meta, 3 log, 4 clients
-- ARGV 1 the seq (8 bytes), 2 bytes, 3 whether to leave out what is saved: then the watermark is the seq if it is higher
-- Returns a list: 'ok', position of the head, position saved, commit id at the seq, entries | 'none', position of the head, position saved: the log does not
-- reach there | 'empty'
-- Atomic: the head, the id and the entries must be of one history.
-- {history}
local meta = redis.call('HMGET', KEYS[2], 'head', 'base', 'saved')
local head, base, saved = meta[1], meta[2], meta[3]
local epoch = whole(head, KEYS[1], KEYS[4], KEYS[3])
if not epoch then return { 'empty' } end
local at, top, left = unpack_bytes('>I8', ARGV[1]), unpack_bytes('>I8', head, 9), tonumber(ARGV[2])
if ARGV[3] == '1' and sub(saved, 1, 8) == epoch then
    local mark = unpack_bytes('>I8', saved, 9)
    at = math.max(at, mark)
end
if at < unpack_bytes('>I8', base) or at > top then return { 'none', head, saved } end
if at == top then return { 'ok', head, saved, sub(head, 17, 24), {} } end
local entries, count, from = {}, 1, at + 1
repeat
    -- A few at first: one entry may be megabytes.
    local found = redis.call('XRANGE', KEYS[3], from, '+', 'COUNT', count)
    for _, entry in ipairs(found) do
        if left < 0 then break end
        -- Rather too much, the node cuts it: of the first entry it may need little, and of any other it counts no head.
        if #entries > 0 then left = left - #entry[2][2] / 2 end
        entries[#entries + 1] = entry
        from = tonumber(string.match(entry[1], '^%d+')) + 1
    end
    count = math.min(2 * count, 64)
until left < 0 or #found == 0 or from > top
local id = id_before(entries[1], at)
if not id then return { 'empty' } end
return { 'ok', head, saved, id, entries }
