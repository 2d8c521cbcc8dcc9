"""A client of CollabCanvas, written from PROTOCOL.md, sections 2 to 5 and 7. `draw.py` shows how to use it."""
import asyncio, contextlib, random, secrets, sys, time, zlib
import msgpack, websockets

SOCKET = {"subprotocols": ["collabcanvas.v1.msgpack"], "max_size": None, "ping_interval": 10, "ping_timeout": 5, "close_timeout": 1}
FOR_GOOD = {1009, 4400, 4401, 4403, 4404, 4406, 4409, 4411}  # closes after which it does not help to come again as we are
ANY_VALUE = {"strict_map_key": False, "unicode_errors": "surrogateescape"}


class Canvas:
    def __init__(self, url, token=None, **presence):
        self.url, self.token, self.presence = url, token, presence
        self.client = f"{base36(time.time_ns() // 1_000_000)}-{secrets.token_urlsafe(16)}"
        self.objects, self.position, self.others = {}, None, {}  # id → [rev, props]; session → presence
        self.pending, self.next_cid, self.saved = {}, 1, 0  # cid → the rest of its frame, until it is saved
        self.socket, self.sent, self.come_back = None, 0, 0  # `sent` is the cid to send next; 0: no session
        self.changed = asyncio.Event()  # set when anything was heard

    async def run(self):
        """Stays connected until it is cancelled; raises RuntimeError when it does not help to come again."""
        patience = 0.125
        while True:
            began = time.monotonic()
            try:
                async with websockets.connect(self.url, **SOCKET) as self.socket:
                    known = {"position": self.position, "saved": self.saved or None, "token": self.token, "presence": self.presence}
                    await self.send(msgpack.packb({"t": "hello", "v": [1, 1], "client": self.client} | known))
                    async for frame in self.socket:
                        self.hear(**msgpack.unpackb(frame, **ANY_VALUE))
                        await self.flush()
                        self.changed.set()
            except (OSError, websockets.WebSocketException) as error:
                print(f"no connection: {error}", file=sys.stderr)
            code, now = self.socket and self.socket.close_code, time.monotonic()
            if code in FOR_GOOD:
                raise RuntimeError(f"closed for good, {len(self.pending)} batches are not known to be saved: {code} {self.socket.close_reason}")
            self.socket, self.sent = None, 0
            patience = 0.25 if now - began > 10 else min(10, 2 * patience)
            wait = random.uniform(0, patience) + (10 if code in (4413, 4429) else 0)
            await asyncio.sleep(self.come_back - now if self.come_back > now else wait)

    async def batch(self, *ops):
        """Asks for changes, all or none; they show when the server has committed them. Kept, and sent again, until they are saved."""
        self.pending[self.next_cid] = b"\xa3ops" + msgpack.packb(ops)
        self.next_cid += 1
        await self.flush()

    async def show(self, **fields):
        """Sets presence fields; None removes one."""
        self.presence = merged(self.presence, fields)
        if self.socket:
            await self.send(msgpack.packb({"t": "presence", "set": fields}))

    async def send(self, frame):
        with contextlib.suppress(websockets.ConnectionClosed):  # batches are sent again, presence goes with the next hello
            await self.socket.send(frame)

    async def flush(self, after=0):
        """Sends what was not sent in this session: in order, each batch as the same bytes again, no more at a time than the server takes."""
        await asyncio.sleep(after)
        while self.sent in self.pending and self.sent <= self.answered + self.window and time.monotonic() >= self.not_before:
            cid, self.sent = self.sent, self.sent + 1
            await self.send(b"\x83\xa1t\xa5batch\xa3cid" + msgpack.packb(cid) + self.pending[cid])

    def hear(self, t, **message):
        if t in ("welcome", "snapshot", "commits", "reject", "presence"):
            getattr(self, f"on_{t}")(**message)
        elif t == "ack":
            self.answered = max(self.answered, message["cid"])
        elif t == "saved":
            self.forget(message["cid"])
        elif t == "gap" and message["expected"] < self.sent:  # not one of those that were under way behind a batch that waits
            raise ConnectionError("a batch was lost on its way")
        elif t == "goaway":
            self.come_back = time.monotonic() + random.uniform(*message["reconnect_ms"]) / 1000
        elif t == "error":
            print(f"error: {message['code']}: {message['message']}", file=sys.stderr)

    def on_welcome(self, last, **welcome):
        if last < self.saved:  # a node that is late, or a store that is an older copy
            raise ConnectionError(f"the server does not know of batches {last + 1} to {self.saved}, which it has called saved")
        if last >= self.next_cid:
            raise RuntimeError("somebody else uses this client id")
        self.welcome, self.chunks, self.aside = welcome, [], []
        self.answered, self.sent, self.not_before, self.come_back = last, last + 1, 0, 0
        self.window, self.is_loading = welcome["limits"]["unacked_batches"], welcome["sync"] == "snapshot"
        self.forget(welcome["saved"])

    def on_snapshot(self, last, objects=None, deflate=None, **_):
        self.chunks += objects if deflate is None else msgpack.unpackb(zlib.decompress(deflate, -15), **ANY_VALUE)
        if last:
            self.objects = {id: [rev, props] for id, rev, props in self.chunks}
            self.position, self.is_loading = self.welcome["position"], False
            for commits in self.aside:
                self.on_commits(*commits)
            self.forget(self.saved)

    def on_commits(self, seq, commits, id, **_):
        if self.is_loading:
            return self.aside.append((seq, commits, id))
        if seq != self.position["seq"] + 1:
            raise ConnectionError("there is a hole in the history")
        for rev, (author, cid, changes, *code) in enumerate(commits, seq):
            for kind, key, *rest in changes:
                old = self.objects.pop(key, None)
                if kind != "del":
                    set, unset = rest if len(rest) > 1 else (rest[0], ())
                    kept = {name: value for name, value in old[1].items() if name not in unset} if kind == "set" else {}
                    self.objects[key] = [rev, kept | set]
            if code and author == self.welcome["author"]:
                self.refuse(cid, code[0])
        self.position = {"epoch": self.welcome["position"]["epoch"], "seq": seq + len(commits) - 1, "id": id}
        self.forget(self.saved)

    def on_reject(self, cid, kind, code, message, retry_ms=0, **_):
        if kind == "final":
            self.answered = max(self.answered, cid)
            self.refuse(cid, code, message)
        elif kind == "temporary":
            self.sent, self.not_before = min(self.sent, cid), time.monotonic() + retry_ms / 1000
            self.timer = asyncio.create_task(self.flush(retry_ms / 1000 + 0.01))
        elif cid > self.answered:
            raise RuntimeError(f"{message}; {len(self.pending)} batches are not known to be saved")

    def refuse(self, cid, code, why=""):
        if self.pending.get(cid, b"").startswith(b"\xa3ops"):
            self.pending[cid] = b"\xa4void" + msgpack.packb(code)  # it has taken its cid: what is sent again must say so
            print(f"refused: {code} {why}", file=sys.stderr)

    def forget(self, saved):
        """Forgets what is saved, once the sync has told how it was answered."""
        self.saved = max(self.saved, saved)
        if not self.is_loading and self.position["seq"] >= self.welcome["position"]["seq"]:
            self.pending = {cid: frame for cid, frame in self.pending.items() if cid > self.saved}
            self.sent = max(self.sent, self.saved + 1)

    def on_presence(self, sessions, full=False, **_):
        self.others = {} if full else self.others
        for session, fields, *_ in sessions:
            known = self.others.pop(session, {})
            if fields is not None and session != self.welcome["session"]:
                self.others[session] = merged(known, fields)


def merged(fields, more):
    return {name: value for name, value in (fields | more).items() if value is not None}


def base36(n):
    return base36(n // 36).lstrip("0") + "0123456789abcdefghijklmnopqrstuvwxyz"[n % 36] if n else "0"
