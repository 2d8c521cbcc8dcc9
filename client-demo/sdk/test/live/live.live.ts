import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeValue, encodeValue } from '../../src/codec/frame.js';
import { CanvasError, type Canvas, type CanvasObject, type Rejected } from '../../src/index.js';
import { jsonEncoding } from '../../src/json/index.js';
import { slotOf, type Props } from '../../src/value.js';
import { randomOps } from '../random-ops.js';
import { Random } from '../random.js';
import { LiveServer } from './server.js';

const server = new LiveServer();
beforeAll(() => server.start());
afterAll(() => server.dispose());

const quiet = async (...canvases: Canvas[]): Promise<void> => {
  for (const canvas of canvases) {
    await expect.poll(() => canvas.status, { timeout: 20_000 }).toMatchObject({ connection: 'online', synced: true, unsaved: 0 });
  }
};
const bytesOf = ({ id, rev, props }: CanvasObject): string =>
  `${id}@${rev} ${Object.keys(props).sort().map((name) => {
    const slot = slotOf(props, name);
    return `${name}=${Buffer.from(slot?.bytes ?? encodeValue(slot?.value)).toString('hex')}`;
  }).join(' ')}`;
const picture = (canvas: Canvas): string[] => canvas.ordered().map(bytesOf);
/** Waits until all of them show the same. What one has heard another may hear a moment later, so all are looked at anew each time. */
const equal = async (...canvases: Canvas[]): Promise<void> => {
  await quiet(...canvases);
  const different = (): [string[], string[]] | undefined => {
    const [first = [], ...others] = canvases.map(picture);
    const other = others.find((picture) => picture.join('\n') !== first.join('\n'));
    return other && [first, other];
  };
  await expect.poll(different, { timeout: 20_000 }).toBeUndefined();
};

describe('a real server', () => {
  it('brings two clients together, in both encodings', async () => {
    const [a, b] = [server.open('two'), server.open('two', { encoding: jsonEncoding })];
    await quiet(a, b);
    a.batch((tx) => tx.create({ type: 'rect', x: 1, y: 0.5, bytes: new Uint8Array([1, 2]), big: 2n ** 63n, text: 'hé🎉' }, 'r1'));
    await expect.poll(() => b.get('r1')?.props['text']).toBe('hé🎉');
    b.batch((tx) => tx.update('r1', { x: 2, minus: -0 }, ['text']));
    await equal(a, b);
    expect(a.get('r1')?.props).toEqual({ type: 'rect', x: 2, y: 0.5, bytes: new Uint8Array([1, 2]), big: 2n ** 63n, minus: -0 });
    expect(b.undo()).toBe(true);
    await equal(a, b);
    expect(a.get('r1')?.props).toMatchObject({ x: 1, text: 'hé🎉' });
  });

  it('refuses what its rules forbid, and says why', async () => {
    const [a, b] = [server.open('refuse'), server.open('refuse')];
    await quiet(a, b);
    const refused: Rejected[] = [];
    a.on('rejected', (r) => refused.push(r));
    b.on('rejected', (r) => refused.push(r));
    a.batch((tx) => tx.create({ from: 'a' }, 'same'));
    b.batch((tx) => tx.create({ from: 'b' }, 'same'));
    await equal(a, b);
    expect(refused).toMatchObject([{ code: 'exists', op: 0, id: 'same', ops: [{ op: 'create' }], current: { id: 'same' } }]);
  });

  it('keeps every value byte for byte, also through undo', async () => {
    const [a, b] = [server.open('bytes'), server.open('bytes', { encoding: jsonEncoding })];
    await quiet(a, b);
    const exotic = decodeValue(Uint8Array.from([
      0x84, 0xa1, 0x66, 0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, // f: 1.0
      0xa1, 0x67, 0xca, 0x3f, 0, 0, 0, // g: a 32-bit float
      0xa1, 0x68, 0x81, 0x01, 0x02, // h: a map with an integer key
      0xa1, 0x69, 0xd3, 0, 0, 0, 0, 0, 0, 0, 5, // i: a long 5
    ])) as Props;
    a.batch((tx) => tx.create(exotic, 'o'));
    await equal(a, b);
    const before = picture(b).map((line) => line.replace(/@\d+/, ''));
    expect(before[0]).toContain('f=cb3ff0000000000000 g=ca3f000000 h=810102 i=d30000000000000005');
    b.batch((tx) => tx.delete('o'));
    await expect.poll(() => a.get('o')).toBeUndefined();
    b.undo();
    await equal(a, b);
    expect(picture(a).map((line) => line.replace(/@\d+/, ''))).toEqual(before);
  });

  it('shows who is there, and passes on broadcasts', async () => {
    const a = server.open('people', { presence: { name: 'Ana' } });
    const b = server.open('people', { presence: { name: 'Ben' } });
    await quiet(a, b);
    const heard: unknown[] = [];
    b.on('broadcast', ({ topic, data }) => heard.push([topic, data]));
    await expect.poll(() => [...b.presence.others.values()].map(({ presence }) => presence['name'])).toEqual(['Ana']);
    await expect.poll(() => [...a.presence.others.values()].map(({ presence }) => presence['name'])).toEqual(['Ben']);
    a.presence.set({ cursor: [10, 20], name: undefined });
    const [session] = [...b.presence.others.keys()];
    await expect.poll(() => b.presence.cursor(session ?? 0)).toEqual({ x: 10, y: 20 });
    expect(b.presence.others.get(session ?? 0)?.presence).toEqual({ cursor: [10, 20] });
    a.broadcast('wave', { to: 'all' });
    await expect.poll(() => heard).toEqual([['wave', { to: 'all' }]]);
    await a.close();
    await expect.poll(() => [...b.presence.others.values()].map(({ attendance }) => attendance)).toEqual(['offline']);
    await expect.poll(() => b.presence.others.size, { timeout: 10_000 }).toBe(0);
  });

  it('does not let a bad project in', async () => {
    const canvas = server.open('not%20a%20project');
    await expect.poll(() => canvas.status.connection).toBe('closed');
    expect(canvas.status.error).toMatchObject({ code: 'bad_project', retry: false });
  });

  it('opens 10,000 objects in well below half a second of the main thread', async () => {
    const a = server.open('large');
    await quiet(a);
    for (let i = 0; i < 20; i += 1) {
      a.batch((tx) => {
        for (let j = 0; j < 500; j += 1) {
          tx.create({ type: 'rect', x: i * 10.5, y: j, width: 120, height: 80.25, fill: '#ff8800', text: `object ${i}-${j}`, z: `a${i % 10}V` });
        }
      }, { undo: false });
    }
    await quiet(a);
    const before = process.cpuUsage();
    const b = server.open('large');
    await expect.poll(() => b.status.synced, { interval: 5 }).toBe(true);
    const { user, system } = process.cpuUsage(before);
    expect(b.objects.size).toBe(10_000);
    expect((user + system) / 1_000).toBeLessThan(500);
    await equal(a, b);
  });

  it('loses nothing when it is killed and started again, again and again', async () => {
    const random = new Random(11);
    const canvases = [server.open('killed'), server.open('killed'), server.open('killed', { encoding: jsonEncoding })];
    const errors: CanvasError[] = [];
    for (const canvas of canvases) canvas.on('error', (error) => errors.push(error));
    await quiet(...canvases);
    let created = 0;
    for (let round = 0; round < 4; round += 1) {
      for (let i = 0; i < 60; i += 1) {
        random.pick(canvases).batch((tx) => tx.create({ round, i, z: 'a0' }, `n${round}-${i}`));
        created += 1;
        if (i === 30) void server.end(round % 2 === 0 ? 'SIGKILL' : 'SIGTERM').then(() => server.start());
        await new Promise((resolve) => setTimeout(resolve, 4));
      }
      await equal(...canvases);
      expect(canvases[0]?.objects.size).toBe(created);
    }
    const fresh = server.open('killed');
    await equal(fresh, ...canvases);
    expect(errors.filter(({ retry }) => !retry)).toEqual([]);
    expect(errors.filter(({ code }) => code === 'server_error')).toEqual([]);
  });

  it('agrees with four clients that edit wildly, undo, and come and go', async () => {
    for (let seed = 1; seed <= 5; seed += 1) {
      const random = new Random(seed);
      const project = `wild-${seed}`;
      const canvases = Array.from({ length: 4 }, (_, i) => server.open(project, i === 3 ? { encoding: jsonEncoding } : {}));
      const errors: CanvasError[] = [];
      for (const canvas of canvases) canvas.on('error', (error) => errors.push(error));
      for (let i = 0; i < 400; i += 1) {
        const canvas = random.pick(canvases);
        const dice = random.next();
        if (dice < 0.75) {
          try {
            canvas.batch((tx) => {
              for (const op of randomOps(random, canvas.objects)) {
                if (op.op === 'create') tx.create(op.props ?? {}, op.id);
                else if (op.op === 'update') tx.update(op.id, op.set ?? {}, op.unset);
                else if (op.op === 'delete') tx.delete(op.id);
                else if (op.op === 'increment') tx.increment(op.id, op.prop, op.by);
              }
            });
          } catch (error) {
            if (!(error instanceof CanvasError)) throw error;
          }
        } else if (dice < 0.82) canvas.undo();
        else if (dice < 0.87) canvas.redo();
        else if (dice < 0.90) canvas.disconnect();
        else if (dice < 0.94) canvas.reconnect();
        else await new Promise((resolve) => setTimeout(resolve, random.below(15)));
      }
      for (const canvas of canvases) canvas.reconnect();
      await equal(...canvases, server.open(project));
      expect(errors, `seed ${seed}`).toEqual([]);
    }
  });
});
