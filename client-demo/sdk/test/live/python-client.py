"""Drives the client of `examples/python` for a test: one JSON command a line on stdin, an answer a line on stdout for those that have one."""
import asyncio, json, sys
from collabcanvas import Canvas


class Watched(Canvas):
    inflated = 0

    def on_snapshot(self, **chunk):
        self.inflated += "deflate" in chunk
        super().on_snapshot(**chunk)

    def seen(self):
        return {
            "pending": len(self.pending),
            "seq": self.position and self.position["seq"],
            "objects": self.objects,
            "others": self.others,
            "inflated": self.inflated,
        }


async def main(url, name):
    canvas = Watched(url, name=name)
    life = asyncio.create_task(canvas.run())
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command = json.loads(line)
        if life.done():
            life.result()
        elif "batch" in command:
            await canvas.batch(*command["batch"])
        elif "show" in command:
            await canvas.show(**command["show"])
        else:
            print(json.dumps(canvas.seen()), flush=True)
    life.cancel()


asyncio.run(main(*sys.argv[1:]))
