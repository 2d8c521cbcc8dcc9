/** What opens a project, and for how long: tokens that end, share links with passwords. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Canvas } from '../src/canvas.js';
import { connect } from '../src/connect.js';
import type { CanvasError } from '../src/errors.js';
import type { ClientMessage } from '../src/protocol.js';
import type { Credentials, TokenRequest } from '../src/token.js';
import { World, type FakeSocket } from './world.js';

type Given = string | Credentials;

let world: World;
let canvas: Canvas;
let errors: CanvasError[];
/** What the application was asked, in order. */
let asked: TokenRequest[];
/** Requests that wait for `answer`. */
let waiting: { give: (token: Given) => void; fail: (error: Error) => void }[];

/** Promises that are due, all of them. */
const settled = (): Promise<void> => new Promise((done) => setImmediate(done));

function open(): void {
  const token = (request: TokenRequest): Promise<Given> => {
    asked.push(request);
    return new Promise((give, fail) => waiting.push({ give, fail }));
  };
  canvas = connect({ url: 'ws://h/v1/projects/p/ws', clientId: 'client-1', WebSocket: world.WebSocket, runtime: world, token });
  canvas.on('error', (error) => errors.push(error));
}

async function answer(made: Given | Error): Promise<void> {
  await settled();
  const request = waiting.shift();
  if (request === undefined) throw new Error('nobody has asked for a token');
  if (made instanceof Error) request.fail(made);
  else request.give(made);
  await settled();
}

/** @param endsMs in how many milliseconds the server says at once that access ends */
async function online(token: Given = 'first', endsMs?: number | null): Promise<FakeSocket> {
  await answer(token);
  const socket = world.serve();
  if (endsMs !== undefined) socket.say({ t: 'token', expires_ms: endsMs });
  await settled();
  return socket;
}

async function pass(ms: number): Promise<void> {
  world.pass(ms);
  await settled();
}

const tokens = (socket: FakeSocket): ClientMessage[] => socket.take().filter(({ t }) => t === 'hello' || t === 'token');
const create = (id: string): void => void canvas.batch((tx) => void tx.create({}, id));

beforeEach(() => {
  world = new World();
  [errors, asked, waiting] = [[], [], []];
  open();
});

describe('a token that ends soon', () => {
  it('is replaced when the server says so, on the same socket', async () => {
    const socket = await online('first', 3_600_000);
    expect(tokens(socket)).toMatchObject([{ t: 'hello', token: 'first' }]);
    await pass(0);
    expect(asked).toEqual([{ isRefused: false }]);
    socket.say({ t: 'token', expires_ms: 60_000 });
    await pass(0);
    expect(asked.slice(1)).toEqual([{ isRefused: true }]);
    await answer('second');
    expect(tokens(socket)).toEqual([{ t: 'token', token: 'second' }]);
    socket.say({ t: 'token', expires_ms: 3_600_000 });
    await hears(socket, 120_000);
    expect([asked.length, errors, world.sockets.length]).toEqual([2, [], 1]);
  });

  it.each([[null], [60_001]])('is not, when access lasts (%s)', async (expires_ms) => {
    const socket = await online('first', expires_ms);
    socket.say({ t: 'token', expires_ms });
    await hears(socket, 60_000);
    expect(asked.length).toBe(1);
  });

  it('is replaced at once when it ends soon after the welcome, and once whatever is said meanwhile', async () => {
    const socket = await online('first', 20_000);
    socket.say({ t: 'token', expires_ms: 20_000 });
    await pass(0);
    expect(asked.length).toBe(2);
    socket.say({ t: 'token', expires_ms: 10_000 });
    await pass(0);
    expect(asked.length).toBe(2);
    await answer('second');
    expect(tokens(socket).slice(1)).toEqual([{ t: 'token', token: 'second' }]);
    socket.say({ t: 'token', expires_ms: null });
    await hears(socket, 120_000);
    expect(asked.length).toBe(2);
  });

  it('is asked for again, ever more rarely, while the application has none', async () => {
    const socket = await online('first', 60_000);
    tokens(socket);
    await pass(0);
    for (let failures = 0; failures < 4; failures += 1) {
      await answer(new Error('no network'));
      expect(waiting.length).toBe(0);
      await hears(socket, 250 * 2 ** failures);
      expect(waiting.length).toBe(1);
    }
    expect(errors).toMatchObject(Array.from({ length: 4 }, () => ({ code: 'token_failed', retry: true })));
    await answer('second');
    expect(tokens(socket)).toEqual([{ t: 'token', token: 'second' }]);
    expect(canvas.status.connection).toBe('online');
  });

  it('is asked for once at a time; a request that is never answered is given up', async () => {
    const socket = await online('first', 60_000);
    await pass(0);
    await hears(socket, 19_999);
    expect(asked.length).toBe(2);
    await hears(socket, 1);
    expect(asked.length).toBe(3);
  });

  it('is not sent a second time, and no other asked for sooner than every ten seconds', async () => {
    const socket = await online('first', 60_000);
    tokens(socket);
    await pass(0);
    for (let times = 0; times < 3; times += 1) {
      await answer('first');
      await hears(socket, 9_999);
      expect(waiting.length).toBe(0);
      await hears(socket, 1);
    }
    expect(tokens(socket)).toEqual([]);
    // What ends it is the server, or a new token.
    await answer('second');
    expect(tokens(socket)).toEqual([{ t: 'token', token: 'second' }]);
    socket.say({ t: 'token', expires_ms: 30_000 });
    await hears(socket, 9_999);
    expect(waiting.length).toBe(0);
    await hears(socket, 1);
    expect(waiting.length).toBe(1);
  });

  it('that was not replaced ends the session, and the next begins with a new one', async () => {
    const socket = await online('first', 60_000);
    await pass(0);
    create('a');
    await answer(new Error('logged out'));
    socket.drop(4401, 'expired');
    expect(canvas.status).toMatchObject({ connection: 'offline', unsent: 1, error: { code: 'unauthenticated', retry: true } });
    await pass(250);
    expect(asked.at(-1)).toEqual({ isRefused: true });
    const next = await online('second');
    expect(next.take()).toMatchObject([{ t: 'hello', client: 'client-1', token: 'second' }, { t: 'batch', cid: 1 }]);
  });

  it('can end while there is no connection', async () => {
    const socket = await online('first', 90_000);
    create('a');
    socket.drop(1006);
    create('b');
    await pass(250);
    await answer('first');
    world.socket.open();
    world.socket.drop(4401);
    await pass(500);
    expect(asked.map(({ isRefused }) => isRefused)).toEqual([false, false, true]);
    const next = await online('second');
    expect(next.take()).toMatchObject([{ token: 'second' }, { cid: 1 }, { cid: 2 }]);
    expect(canvas.objects.size).toBe(2);
  });

  it('is not asked for once the session is over', async () => {
    const socket = await online('first', 60_000);
    await pass(0);
    canvas.disconnect();
    await answer('late');
    await pass(60_000);
    expect([asked.length, tokens(socket).map(({ t }) => t)]).toEqual([2, ['hello']]);
  });
});

describe('without a way to get a token', () => {
  it('the end of access is only heard of', async () => {
    canvas = connect({ url: 'ws://h/v1/projects/p/ws', WebSocket: world.WebSocket, runtime: world });
    const socket = world.serve();
    socket.say({ t: 'token', expires_ms: 5_000 });
    socket.say({ t: 'token', expires_ms: 1_000 });
    socket.take();
    await pass(9_000);
    expect(socket.take()).toEqual([]);
    socket.drop(4401);
    expect(canvas.status).toMatchObject({ connection: 'closed', error: { code: 'unauthenticated', retry: false } });
  });
});

describe('a share link', () => {
  it('goes with its password, in the greeting and later', async () => {
    const socket = await online({ token: 'link.abc', password: 'open' }, 60_000);
    expect(tokens(socket)).toMatchObject([{ t: 'hello', token: 'link.abc', password: 'open' }]);
    await pass(0);
    await answer({ token: 'link.def', password: 'sesame' });
    expect(tokens(socket)).toEqual([{ t: 'token', token: 'link.def', password: 'sesame' }]);
  });

  it('without one sends none, and nothing that the application has beside it', async () => {
    const socket = await online({ token: 'link.abc', made: 1 } as Credentials);
    expect(socket.take()).toEqual([{ t: 'hello', v: [1, 1], features: ['short'], client: 'client-1', token: 'link.abc' }]);
  });

  it('whose password is wrong is told as the server says it, and tried again with another', async () => {
    await answer('link.abc');
    world.socket.open();
    world.socket.say({ t: 'error', code: 'password_needed', message: 'this link asks for a password' });
    world.socket.drop(4401);
    expect(errors).toMatchObject([{ code: 'password_needed' }, { code: 'unauthenticated', retry: true }]);
    await pass(250);
    const socket = await online({ token: 'link.abc', password: 'open' });
    expect(tokens(socket)).toMatchObject([{ password: 'open' }]);
  });
});

describe('an application that gives nothing', () => {
  it('has failed, as when it says so', async () => {
    await answer(undefined as unknown as string);
    expect(errors).toMatchObject([{ code: 'token_failed', message: 'no access token: none was given' }]);
    await pass(250);
    expect(asked.length).toBe(2);
  });
});

/** Time passes on a connection that is alive. */
async function hears(socket: FakeSocket, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 5_000) {
    await pass(Math.min(left, 5_000));
    socket.say({ t: 'pong', n: 0, seq: 0 });
  }
}
