import { beforeEach, describe, expect, it } from 'vitest';
import type { Canvas } from '../src/canvas.js';
import { connect } from '../src/connect.js';
import type { CanvasError } from '../src/errors.js';
import { AUTHOR, welcome, World, type FakeSocket } from './world.js';

let world: World;
let canvas: Canvas;
let socket: FakeSocket;
let seq: number;

const batches = (): { cid: number; ops: unknown }[] =>
  socket.take().flatMap((m) => (m.t === 'batch' ? [{ cid: m.cid, ops: m.ops }] : []));

/** The server takes a batch, with the lease as it is then. */
function accept(cid: number, lease: [string, number, number] | null, author = AUTHOR): void {
  seq += 1;
  socket.say({
    t: 'commits', seq, id: `c${seq}`,
    commits: [[author, cid, [lease === null ? ['set', 'a', {}, ['$lease']] : ['set', 'a', { $lease: lease }]]]],
  });
  if (author === AUTHOR) socket.say({ t: 'ack', cid, seq });
}

beforeEach(() => {
  world = new World();
  canvas = connect({ url: 'ws://h/v1/projects/p/ws', clientId: 'client-1', WebSocket: world.WebSocket, runtime: world });
  ({ socket } = world);
  seq = 1;
  socket.open();
  // The server's clock is an hour ahead.
  socket.say(
    welcome({ position: { epoch: 1, seq, id: 'c1' }, now_ms: world.time + 3_600_000 }),
    { t: 'snapshot', n: 0, last: true, objects: [['a', 1, { x: 1 }], ['b', 1, {}]] },
  );
  socket.take();
});

const later = (ms: number): number => world.time + 3_600_000 + ms;

describe('a lease of ours', () => {
  it('is asked for, held, renewed and released, and no property shows', async () => {
    const lease = canvas.lease(['a'], { ttlMs: 9_000 });
    expect(batches()).toEqual([{ cid: 1, ops: [{ op: 'lease', id: 'a', ttl_ms: 9_000 }] }]);
    accept(1, [AUTHOR, 2, later(9_000)]);
    await lease.held;
    expect([lease.state, canvas.get('a')?.props, canvas.leaseOf('a')?.isOurs]).toEqual(['held', { x: 1 }, true]);
    world.pass(3_100);
    expect(batches()).toEqual([{ cid: 2, ops: [{ op: 'lease', id: 'a', ttl_ms: 9_000 }] }]);
    accept(2, [AUTHOR, 2, later(9_000)]);
    canvas.batch((tx) => tx.update('a', { x: 2 }));
    world.pass(20);
    batches();
    lease.release();
    world.pass(20);
    expect(batches()).toEqual([{ cid: 4, ops: [{ op: 'release', id: 'a' }] }]);
    expect(canvas.canUndo).toBe(true);
    canvas.undo();
    expect(canvas.get('a')?.props).toEqual({ x: 1 });
    world.pass(60_000);
    expect(lease.state).toBe('released');
  });

  it('is lost when it cannot be renewed in time', async () => {
    const lost: CanvasError[] = [];
    const lease = canvas.lease(['a'], { ttlMs: 9_000, lost: (error) => lost.push(error) });
    accept(1, [AUTHOR, 2, later(9_000)]);
    await lease.held;
    socket.drop(1006);
    world.pass(9_001);
    expect([lease.state, lost.map(({ code }) => code)]).toEqual(['lost', ['leased']]);
  });

  it('is refused when somebody else was first', async () => {
    const lease = canvas.lease(['a']);
    socket.say({ t: 'reject', cid: 1, kind: 'final', code: 'leased', message: 'leased', op: 0, id: 'a', by: 'ana', current: ['a', 2, { x: 1 }] });
    await expect(lease.held).rejects.toMatchObject({ code: 'leased' });
    expect(lease.state).toBe('lost');
  });
});

describe('a lease of somebody else', () => {
  it('refuses our edits at once, until it is over by the server\'s clock', () => {
    accept(1, ['ana', 2, later(5_000)], 'ana');
    expect(canvas.leaseOf('a')).toMatchObject({ by: 'ana', isOurs: false });
    expect(() => canvas.batch((tx) => tx.update('a', { x: 2 }))).toThrow(expect.objectContaining({ code: 'leased' }));
    expect(() => canvas.lease(['b', 'a'])).toThrow(expect.objectContaining({ code: 'leased' }));
    canvas.batch((tx) => tx.update('b', { x: 2 }));
    world.pass(5_000);
    expect(canvas.leaseOf('a')).toBeUndefined();
    canvas.batch((tx) => tx.update('a', { x: 2 }));
  });

  it('lets undo pass over what it covers', () => {
    canvas.gesture(() => {
      canvas.batch((tx) => tx.update('a', { x: 2 }));
      canvas.batch((tx) => tx.update('b', { x: 2 }));
    });
    world.pass(100);
    accept(1, ['ana', 2, later(5_000)], 'ana');
    canvas.undo();
    expect([canvas.get('a')?.props, canvas.get('b')?.props]).toEqual([{ x: 2 }, {}]);
  });

  it('ends with its release', () => {
    accept(1, ['ana', 2, later(5_000)], 'ana');
    accept(2, null, 'ana');
    expect(canvas.leaseOf('a')).toBeUndefined();
    expect(canvas.get('a')).toEqual({ id: 'a', rev: 3, props: { x: 1 } });
  });
});
