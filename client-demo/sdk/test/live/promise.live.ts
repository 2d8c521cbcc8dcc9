/** What the SDK promises, against a real server that is killed, and one whose store is replaced by an older copy. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Canvas, Loss, Receipt, Rejected, Runtime } from '../../src/index.js';
import { jsonEncoding } from '../../src/json/index.js';
import { platform } from '../../src/runtime.js';
import { LiveServer } from './server.js';

const server = new LiveServer();
beforeAll(() => server.start());
afterAll(() => server.dispose());

const calm = async (...canvases: Canvas[]): Promise<void> => {
  for (const canvas of canvases) {
    await expect.poll(() => canvas.status, { timeout: 20_000 }).toMatchObject({ connection: 'online', synced: true, unsaved: 0 });
  }
};
const create = (canvas: Canvas, id: string): Receipt => canvas.batch((tx) => void tx.create({ n: 1 }, id));

/** A minute in six seconds, so that the client's patience is not the test's. */
const HASTE = 10;
const hasty: Runtime = { ...platform, now: () => Date.now() * HASTE, timer: (ms, run) => platform.timer(ms / HASTE, run) };

describe('sent and saved', () => {
  it('kill -9 in the middle of edits: every receipt ends as saved, every edit is there once, in both encodings', async () => {
    const canvases = [server.open('kill9'), server.open('kill9', { encoding: jsonEncoding })];
    const troubles: unknown[] = [];
    for (const canvas of canvases) {
      canvas.on('loss', (loss) => troubles.push(loss));
      canvas.on('rejected', (rejected) => troubles.push(rejected));
    }
    await calm(...canvases);
    create(canvases[0] as Canvas, 'counter');
    await calm(...canvases);
    const receipts: Receipt[] = [];
    for (let i = 0; i < 300; i += 1) {
      const canvas = canvases[i % 2] as Canvas;
      receipts.push(create(canvas, `o${i}`), canvas.batch((tx) => tx.increment('counter', 'n', 1)));
      if (i % 100 === 50) void server.end('SIGKILL').then(() => server.start());
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    await Promise.all(canvases.map((canvas) => canvas.whenSaved()));
    await Promise.all(receipts.map(({ saved }) => saved));
    expect(troubles).toEqual([]);
    const fresh = server.open('kill9');
    await calm(fresh);
    expect(fresh.objects.size).toBe(301);
    expect(fresh.get('counter')?.props['n']).toBe(301);
    expect(receipts.every(({ state }) => state === 'saved')).toBe(true);
  });

  it('a store that is replaced by an older copy: the loss is told, and put back when asked', async () => {
    const losses: Loss[] = [];
    const rejected: Rejected[] = [];
    const canvas = server.open('restored', { runtime: hasty });
    canvas.on('loss', (loss) => losses.push(loss));
    canvas.on('rejected', (one) => rejected.push(one));
    await calm(canvas);
    create(canvas, 'kept');
    await calm(canvas);
    const copy = await server.backup();
    const lost = create(canvas, 'lost');
    await lost.saved;
    await server.end('SIGKILL');
    const later = create(canvas, 'later');
    server.restore(copy);
    await server.start();
    await expect.poll(() => losses.length, { timeout: 30_000 }).toBe(1);
    expect(losses[0]).toMatchObject({ code: 'history_lost', forgotten: 0, batches: [{ cid: 2, was: 'saved', objects: ['lost'] }] });
    await later.saved;
    await calm(canvas);
    expect([...canvas.objects.keys()].sort()).toEqual(['kept', 'later']);
    expect(canvas.putBack(losses[0] as Loss)).toBe(1);
    await canvas.whenSaved();
    const fresh = server.open('restored');
    await calm(fresh);
    expect([...fresh.objects.keys()].sort()).toEqual(['kept', 'later', 'lost']);
    expect(rejected).toEqual([]);
  });

  it('the example of the README runs', async () => {
    const example = fileURLToPath(new URL('../../examples/sent-and-saved.mjs', import.meta.url));
    const { stdout } = await promisify(execFile)('node', [example, server.url('example')]);
    expect(stdout).toMatch(/made: kept\n[^]*accepted: everybody sees it\n[^]*saved: it survives\n/);
  });
});
