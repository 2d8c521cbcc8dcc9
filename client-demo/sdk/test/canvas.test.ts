import { deflateRawSync } from 'node:zlib';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Canvas } from '../src/canvas.js';
import { connect } from '../src/connect.js';
import { encodeValue } from '../src/codec/frame.js';
import type { CanvasError } from '../src/errors.js';
import { jsonEncoding } from '../src/json/index.js';
import type { ClientMessage, ServerMessage } from '../src/protocol.js';
import type { CanvasOptions } from '../src/options.js';
import { moveBetween } from '../src/order/index.js';
import type { Receipt } from '../src/receipt.js';
import type { Status } from '../src/status.js';
import type { Rejected } from '../src/rejected.js';
import { AUTHOR, welcome, World } from './world.js';

let world: World;
let canvas: Canvas;
let statuses: Status[];
let errors: CanvasError[];
let rejected: Rejected[];

function start(options: Partial<CanvasOptions> = {}): Canvas {
  canvas = connect({ url: 'ws://h/v1/projects/p/ws', clientId: 'client-1', WebSocket: world.WebSocket, runtime: world, ...options });
  statuses = [];
  errors = [];
  rejected = [];
  canvas.on('status', (status) => statuses.push(status));
  canvas.on('error', (error) => errors.push(error));
  canvas.on('rejected', (r) => rejected.push(r));
  return canvas;
}
const serve: World['serve'] = (...how) => world.serve(...how);
const create = (id: string): Receipt => canvas.batch((tx) => void tx.create({}, id));
const cids = (messages: readonly ClientMessage[]): number[] => messages.flatMap((message) => (message.t === 'batch' ? [message.cid] : []));
const committed = (seq: number, cid: number, id: string): ServerMessage => ({
  t: 'commits', seq, id: `c${seq}`, commits: [[AUTHOR, cid, [['put', id, {}]]]],
});

beforeEach(() => {
  world = new World();
});

describe('connecting', () => {
  it('says hello with what the client knows, and is online after the welcome', () => {
    start({ presence: { name: 'Ana' } });
    expect(canvas.status).toEqual({ connection: 'connecting', synced: false, unsent: 0, unsaved: 0, stalled: false, mode: 'normal' });
    expect([world.socket.url, world.socket.protocol, world.socket.binaryType]).toEqual([
      'ws://h/v1/projects/p/ws', 'collabcanvas.v1.msgpack', 'arraybuffer',
    ]);
    world.socket.open();
    expect(world.socket.take()).toEqual([{ t: 'hello', v: [1, 1], features: ['short'], client: 'client-1', presence: { name: 'Ana' } }]);
    world.socket.say(welcome({ mode: 'degraded' }));
    expect(canvas.status).toMatchObject({ connection: 'online', synced: false, mode: 'degraded' });
    world.socket.say({ t: 'snapshot', n: 0, last: true, objects: [] }, { t: 'mode', mode: 'normal' });
    expect(canvas.status).toMatchObject({ connection: 'online', synced: true, mode: 'normal' });
  });

  it('tells when a snapshot that was decompressed in the background is there', async () => {
    start();
    world.socket.open();
    const deflate = new Uint8Array(deflateRawSync(encodeValue([['a', 1, {}]])));
    world.socket.say(welcome(), { t: 'snapshot', n: 0, last: true, deflate });
    create('b');
    expect(canvas.status.synced).toBe(false);
    await vi.waitFor(() => expect(statuses.at(-1)?.synced).toBe(true));
    expect([...canvas.objects.keys()].sort()).toEqual(['a', 'b']);
  });

  it('comes back with its position and gets a delta', () => {
    start();
    serve({ position: { epoch: 1, seq: 5, id: 'c5' } }).say(committed(6, 99, 'x'));
    world.socket.drop(1006);
    expect(canvas.status).toMatchObject({ connection: 'offline', retryAt: expect.any(Number), error: { code: 'connection_lost', retry: true } });
    world.pass(250);
    world.socket.open();
    expect(world.socket.take()).toMatchObject([{ t: 'hello', position: { epoch: 1, seq: 6, id: 'c6' } }]);
    world.socket.say(welcome({ sync: 'delta', position: { epoch: 1, seq: 6, id: 'c6' } }));
    expect(canvas.status).not.toHaveProperty('error');
    expect(canvas.objects.has('x')).toBe(true);
  });

  it('speaks JSON when asked to', () => {
    start({ encoding: jsonEncoding });
    const socket = serve({}, [['a', 1, {}]]);
    expect(socket.protocol).toBe('collabcanvas.v1.json');
    expect(canvas.objects.has('a')).toBe(true);
    create('b');
    expect(cids(socket.take())).toEqual([1]);
  });

  it('asks for a token before every attempt and passes it on', async () => {
    let tokens = 0;
    start({ token: () => Promise.resolve(`token-${(tokens += 1)}`) });
    await vi.waitFor(() => expect(world.sockets.length).toBe(1));
    world.socket.open();
    expect(world.socket.take()).toMatchObject([{ token: 'token-1' }]);
    world.socket.drop(4401);
    world.pass(250);
    await vi.waitFor(() => expect(world.sockets.length).toBe(2));
    world.socket.open();
    expect(world.socket.take()).toMatchObject([{ token: 'token-2' }]);
  });

  it('a token request that fails is tried again and told', async () => {
    let attempts = 0;
    start({ token: () => (attempts++ === 0 ? Promise.reject(new Error('no network')) : 'token') });
    await vi.waitFor(() => expect(errors).toMatchObject([{ code: 'token_failed', retry: true, message: 'no access token: no network' }]));
    world.pass(250);
    await vi.waitFor(() => expect(world.sockets.length).toBe(1));
  });

  it('never retries where the code says never', () => {
    start();
    serve().drop(4403);
    world.pass(1_000_000);
    expect(world.sockets.length).toBe(1);
    expect(canvas.status).toMatchObject({ connection: 'closed', error: { code: 'forbidden', retry: false } });
    expect(() => create('a')).toThrow(expect.objectContaining({ code: 'closed' }));
    expect(() => canvas.undo()).toThrow(expect.objectContaining({ code: 'closed' }));
  });

  it('a frame that cannot be read, or that does not follow, starts over with a snapshot', () => {
    for (const bad of [new Uint8Array([0xc1]).buffer, new Uint8Array([0x81, 0xa1, 0x74, 0xa7, ...Buffer.from('commits')]).buffer]) {
      world = new World();
      start();
      serve();
      world.socket.raw(bad);
      expect(world.socket.closedWith).toBe(1000);
      expect(errors).toMatchObject([{ code: 'server_error', retry: true }]);
      world.pass(250);
      world.socket.open();
      expect(world.socket.take()[0]).not.toHaveProperty('position');
    }
  });

  it('pings a silent server and leaves it when it stays silent', () => {
    start();
    const socket = serve();
    socket.take();
    world.pass(10_000);
    expect(socket.take()).toEqual([{ t: 'ping', n: 1 }]);
    socket.say({ t: 'pong', n: 1, seq: 0 });
    world.pass(10_000);
    expect(socket.take()).toEqual([{ t: 'ping', n: 2 }]);
    world.pass(5_000);
    expect(socket.closedWith).toBe(1000);
    expect(canvas.status.connection).not.toBe('online');
  });

  it('nothing that a dropped socket still says is heard', () => {
    start();
    const first = serve();
    canvas.disconnect();
    canvas.reconnect();
    first.say(committed(1, 1, 'ghost'));
    first.drop(4403);
    expect(canvas.objects.size).toBe(0);
    expect(canvas.status.connection).toBe('connecting');
  });

  it('page events hurry a waiting connection', () => {
    start();
    world.socket.drop(1006);
    world.page?.network(true);
    world.pass(250);
    expect(world.sockets.length).toBe(2);
  });

  it('goaway makes it leave by itself and come back', () => {
    start();
    serve().say({ t: 'goaway', reason: 'restart', reconnect_ms: [1_000, 1_000] });
    world.pass(999);
    expect(world.sockets.length).toBe(1);
    world.pass(1);
    expect(world.sockets.length).toBe(2);
    expect(world.sockets[0]?.closedWith).toBe(1000);
  });
});

describe('batches', () => {
  it('go out at once, then at most once a frame', () => {
    start();
    const socket = serve();
    socket.take();
    create('a');
    expect(cids(socket.take())).toEqual([1]);
    create('b');
    create('c');
    expect(socket.take()).toEqual([]);
    world.pass(16);
    expect(cids(socket.take())).toEqual([2, 3]);
  });

  it('a drag of a second sends about sixty', () => {
    start();
    const socket = serve({}, [['a', 1, {}]]);
    socket.take();
    canvas.beginGesture();
    for (let i = 0; i < 250; i += 1) {
      canvas.batch((tx) => tx.update('a', { x: i }));
      world.pass(4);
    }
    canvas.endGesture();
    world.pass(16);
    const sent = socket.take();
    expect(sent.length).toBeGreaterThan(45);
    expect(sent.length).toBeLessThan(66);
    expect(sent.at(-1)).toMatchObject({ ops: [{ set: { x: 249 } }] });
  });

  it('wait while the socket is busy', () => {
    start();
    const socket = serve();
    socket.take();
    socket.bufferedAmount = 1_000_000;
    create('a');
    world.pass(1_000);
    expect(socket.take()).toEqual([]);
    socket.bufferedAmount = 0;
    world.pass(16);
    expect(cids(socket.take())).toEqual([1]);
  });

  it('count as unsent until accepted and as unsaved until saved', () => {
    start();
    const socket = serve();
    create('a');
    expect(canvas.status).toMatchObject({ unsent: 1, unsaved: 1 });
    socket.say(committed(1, 1, 'a'), { t: 'ack', cid: 1, seq: 1 });
    expect(canvas.status).toMatchObject({ unsent: 0, unsaved: 1 });
    socket.say({ t: 'saved', cid: 1, seq: 1 });
    expect(canvas.status).toMatchObject({ unsent: 0, unsaved: 0 });
    expect(statuses.map(({ unsent, unsaved }) => `${unsent}/${unsaved}`).filter((s, i, all) => s !== all[i - 1])).toEqual(['0/0', '1/1', '0/1', '0/0']);
  });

  it('made offline are sent later, and those not known to the server again', () => {
    start();
    create('a');
    const socket = serve();
    expect(cids(socket.take())).toEqual([1]);
    canvas.disconnect();
    expect(canvas.status.connection).toBe('offline');
    world.pass(100_000);
    expect(world.sockets.length).toBe(1);
    create('b');
    expect(canvas.status).toMatchObject({ unsent: 2, unsaved: 2 });
    canvas.reconnect();
    serve({ last: 0 });
    expect(cids(world.socket.take())).toEqual([1, 2]);
    expect([...canvas.objects.keys()].sort()).toEqual(['a', 'b']);
  });

  it('wait as long as a temporary refusal says', () => {
    start();
    const socket = serve();
    create('a');
    socket.take();
    socket.say({ t: 'reject', cid: 1, kind: 'temporary', code: 'overloaded', message: '', retry_ms: 300 });
    world.pass(299);
    expect(socket.take()).toEqual([]);
    world.pass(1);
    expect(cids(socket.take())).toEqual([1]);
    expect(rejected).toEqual([]);
  });

  it('after "client id in use": reported, and a new client id starts at cid 1', () => {
    start();
    const socket = serve();
    create('a');
    socket.drop(4411);
    expect(rejected).toMatchObject([{ code: 'client_id_in_use', ops: [{ op: 'create', id: 'a' }] }]);
    expect(canvas.objects.size).toBe(0);
    world.pass(250);
    world.socket.open();
    const hello = world.socket.take()[0];
    expect(hello).toMatchObject({ t: 'hello', client: expect.stringMatching(/^[0-9a-z]+-.{16,}$/) });
    expect(hello).not.toMatchObject({ client: 'client-1' });
    world.socket.say(welcome(), { t: 'snapshot', n: 0, last: true, objects: [] });
    create('b');
    expect(cids(world.socket.take())).toEqual([1]);
  });

  it('forbidden ones are reported; the role stops further ones, until it changes', () => {
    start();
    const socket = serve();
    create('a');
    socket.say({ t: 'permission', role: 'viewer' }, { t: 'reject', cid: 1, kind: 'forbidden', code: 'forbidden', message: 'viewer' });
    expect(rejected).toMatchObject([{ code: 'forbidden' }]);
    expect(() => create('b')).toThrow(expect.objectContaining({ code: 'forbidden' }));
    expect(() => canvas.undo()).toThrow(expect.objectContaining({ code: 'forbidden' }));
    socket.say({ t: 'permission', role: 'editor' });
    socket.take();
    world.pass(16);
    create('b');
    expect(cids(socket.take())).toEqual([1]);
  });

  it('undo and redo are sent like any other edit', () => {
    start();
    const socket = serve();
    create('a');
    world.pass(16);
    socket.take();
    expect(canvas.undo()).toBe(true);
    expect(socket.take()).toMatchObject([{ cid: 2, ops: [{ op: 'delete', id: 'a' }] }]);
    expect([canvas.canUndo, canvas.canRedo]).toEqual([false, true]);
    world.pass(16);
    expect(canvas.redo()).toBe(true);
    expect(socket.take()).toMatchObject([{ cid: 3, ops: [{ op: 'create', id: 'a' }] }]);
  });

  it('a gesture that throws is over', () => {
    start();
    expect(() => canvas.gesture(() => { create('a'); throw new Error('x'); })).toThrow('x');
    create('b');
    canvas.undo();
    expect([...canvas.objects.keys()]).toEqual(['a']);
  });

  it('moving re-keys equal neighbours in one batch', () => {
    start();
    const socket = serve();
    canvas.batch((tx) => ['a', 'b', 'c'].forEach((id) => tx.create({ z: 'a0' }, id)));
    world.pass(16);
    socket.take();
    canvas.batch((tx) => moveBetween(canvas, tx, ['c'], 'a', 'b'));
    expect(canvas.ordered().map(({ id }) => id)).toEqual(['a', 'c', 'b']);
    expect(socket.take()).toMatchObject([{ ops: [{ id: 'c' }, { id: 'b' }] }]);
  });
});

describe('the page', () => {
  it('is asked to stay while work is unsaved', () => {
    start();
    const socket = serve();
    expect(world.page?.leaving()).toBe(false);
    create('a');
    expect(world.page?.leaving()).toBe(true);
    socket.say(committed(1, 1, 'a'), { t: 'saved', cid: 1, seq: 1 });
    expect(world.page?.leaving()).toBe(false);
  });

  it('is not, when the application does not want it', () => {
    start({ warnBeforeUnload: false });
    create('a');
    expect(world.page?.leaving()).toBe(false);
  });
});

describe('close', () => {
  it('waits for what is pending to be accepted, then is silent', async () => {
    start();
    const socket = serve();
    create('a');
    create('b');
    let isClosed = false;
    const closing = canvas.close().then(() => (isClosed = true));
    expect(cids(socket.take().slice(1))).toEqual([1, 2]); // without waiting for the end of the frame
    expect(isClosed).toBe(false);
    socket.say(committed(1, 1, 'a'), committed(2, 2, 'b'), { t: 'ack', cid: 2, seq: 2 });
    await closing;
    expect(socket.closedWith).toBe(1000);
    expect(canvas.status.connection).toBe('closed');
    expect(world.page).toBeUndefined();
    expect(world.timerCount).toBe(0);
    canvas.reconnect();
    expect(world.sockets.length).toBe(1);
  });

  it('does not wait for ever, nor at all when offline', async () => {
    start();
    serve();
    create('a');
    const closing = canvas.close();
    world.pass(2_000);
    await closing;
    start();
    create('a');
    await canvas.close();
    expect(world.timerCount).toBe(0);
  });
});

describe('events', () => {
  it('a listener that throws keeps nobody else from hearing', () => {
    const thrown: unknown[] = [];
    const spy = vi.spyOn(globalThis, 'queueMicrotask').mockImplementation((run) => {
      try { run(); } catch (error) { thrown.push(error); }
    });
    start();
    let heard = 0;
    canvas.on('change', () => { throw new Error('mine'); });
    const stop = canvas.on('change', () => (heard += 1));
    create('a');
    stop();
    create('b');
    expect(heard).toBe(1);
    expect(thrown).toHaveLength(2);
    spy.mockRestore();
  });

  it('a listener may edit', () => {
    start();
    canvas.on('change', ({ source }) => { if (source === 'reset') create('welcome'); });
    serve();
    expect(canvas.objects.has('welcome')).toBe(true);
  });
});
