"""Draws some notes, shows a cursor, follows the project for a while, and prints what is there as one JSON document.

    python3 draw.py ws://127.0.0.1:8080/v1/projects/demo/ws --notes 3 --watch 10
"""
import argparse, asyncio, json, os, secrets
from collabcanvas import Canvas


async def draw(canvas, name, notes):
    for i in range(notes):
        note = {"type": "note", "x": 40.0 + 220 * i, "y": 60.0, "w": 200, "h": 200, "text": f"{name} {i}", "z": f"d{i:04}"}
        await canvas.batch({"op": "create", "id": f"python-{secrets.token_hex(8)}", "props": note})
        await canvas.show(cursor=[note["x"], note["y"]])
    while canvas.pending:
        canvas.changed.clear()
        await canvas.changed.wait()


async def main(url, name, token, notes, watch):
    canvas = Canvas(url, token, name=name, color="#2f7de0")
    life = asyncio.create_task(canvas.run())
    await asyncio.wait([life, asyncio.create_task(draw(canvas, name, notes))], return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait([life], timeout=watch)
    if life.done():
        raise SystemExit(str(life.exception()))
    print(json.dumps({"position": canvas.position, "objects": canvas.objects, "others": list(canvas.others.values())}, default=str))


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("url")
    options.add_argument("--name", default="Python")
    options.add_argument("--token", default=os.environ.get("COLLAB_TOKEN"), help="access token, if the server asks for one; or COLLAB_TOKEN")
    options.add_argument("--notes", type=int, default=1, help="how many to draw")
    options.add_argument("--watch", type=float, default=1, help="seconds to go on looking")
    asyncio.run(main(**vars(options.parse_args())))
