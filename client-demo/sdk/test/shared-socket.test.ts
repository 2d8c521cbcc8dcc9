/** The shared socket as a page meets it, through its link and the worker's parts, over real message ports. */
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { closeFrame, utf8 } from '../src/shared/codec.js';
import type { ToPage } from '../src/shared/messages.js';
import type { SharedSocket } from '../src/shared/socket.js';
import { Tab } from '../src/shared/tab.js';
import { Trunk, type Client } from '../src/shared/trunk.js';
import { FakeWebSocket, Stage } from './shared-stage.js';

/** Waits for what a busy machine takes its time for. */
const soon = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 15_000, interval: 10 });
vi.setConfig({ testTimeout: 30_000 });
afterAll(() => vi.resetConfig());

let stage: Stage;
beforeEach(() => void (stage = new Stage()));
afterEach(() => stage.clear());

/** What a socket has been told, in order. */
function watched(socket: SharedSocket): string[] {
  const told: string[] = [];
  socket.onopen = () => told.push(`open ${socket.protocol}`);
  socket.onmessage = ({ data }) => told.push(typeof data === 'string' ? `text ${data}` : `bytes ${[...new Uint8Array(data)].join(' ')}`);
  socket.onclose = ({ code, wasClean }) => told.push(`close ${code}${wasClean ? '' : ' unclean'}`);
  return told;
}

async function opened(Page: typeof SharedSocket, url = 'ws://h/v1/projects/p/ws'): Promise<[SharedSocket, string[]]> {
  const socket = new Page(url, 'x');
  const told = watched(socket);
  await soon(() => expect(told).toEqual(['open x']));
  return [socket, told.splice(0) && told];
}

const urls = (): string[] => FakeWebSocket.all.map(({ url }) => url);

describe('sockets of several pages', () => {
  it('go through one, each hearing its own, in order', async () => {
    const [a, toldA] = await opened(await stage.open());
    const [b, toldB] = await opened(await stage.open(), 'http://h/v1/projects/q/ws');
    for (let i = 0; i < 3; i += 1) {
      a.send(`\uFEFFé${i}`);
      b.send(Uint8Array.of(i, 255));
    }
    const [textsOfA, bytesOfB] = [['text \uFEFFé0', 'text \uFEFFé1', 'text \uFEFFé2'], ['bytes 0 255', 'bytes 1 255', 'bytes 2 255']];
    await soon(() => expect([toldA, toldB]).toEqual([textsOfA, bytesOfB]));
    expect(urls()).toEqual(['ws://h/v1/shared']);
    expect(FakeWebSocket.all[0]?.heard.slice(0, 2)).toEqual(['o1 p x', 'o2 q x']);
  });

  it('have one of their own where the address has another form', async () => {
    const [socket, told] = await opened(await stage.open(), 'ws://h/elsewhere');
    socket.send('a');
    socket.send(Uint8Array.of(1));
    await soon(() => expect(told).toEqual(['text a', 'bytes 1']));
    socket.close(4000);
    await soon(() => expect(told.at(-1)).toBe('close 4000'));
    expect(urls()).toEqual(['ws://h/elsewhere']);
  });

  it('have one of their own where the shared one is refused, for a minute', async () => {
    FakeWebSocket.refuse = (url) => url.endsWith('shared');
    const page = await stage.open();
    await opened(page);
    await opened(page);
    expect(urls()).toEqual(['ws://h/v1/shared', 'ws://h/v1/projects/p/ws', 'ws://h/v1/projects/p/ws']);
  });

  it('are told when the shared one ends, and find another', async () => {
    const page = await stage.open();
    const [[, toldA], [, toldB]] = [await opened(page), await opened(page, 'ws://h/v1/projects/q/ws')];
    FakeWebSocket.all[0]?.end(1012);
    await soon(() => expect([toldA, toldB]).toEqual([['close 1012'], ['close 1012']]));
    await opened(page);
    expect(urls()).toEqual(['ws://h/v1/shared', 'ws://h/v1/shared']);
  });
});

describe('a server that stops', () => {
  it('keeps who it has until they go, while others find the next one', async () => {
    const page = await stage.open();
    const [, toldA] = await opened(page);
    const [b, toldB] = await opened(page, 'ws://h/v1/projects/q/ws');
    const [stopping] = FakeWebSocket.all;
    stopping?.say(closeFrame(1, 1012, ''));
    await soon(() => expect(toldA).toEqual(['close 1012']));
    const [, toldC] = await opened(page);
    expect(urls()).toEqual(['ws://h/v1/shared', 'ws://h/v1/shared']);
    b.send('still here');
    await soon(() => expect(toldB).toEqual(['text still here']));
    stopping?.say(closeFrame(2, 1012, ''));
    await soon(() => expect(stopping?.readyState).toBe(3));
    expect([toldB.at(-1), toldC]).toEqual(['close 1012', []]);
  });
});

describe('a socket', () => {
  it('behaves as a WebSocket when it is closed', async () => {
    const [socket, told] = await opened(await stage.open());
    socket.send('a');
    socket.close();
    expect([socket.readyState, told]).toEqual([2, []]);
    socket.close();
    socket.send('b');
    await soon(() => expect(told).toEqual(['close 1000']));
    expect(socket.readyState).toBe(3);
    expect(FakeWebSocket.all[0]?.heard).toEqual(['o1 p x', 't1 a', 'c1 1000']);
  });

  it('refuses what a WebSocket refuses', async () => {
    const Page = await stage.open();
    expect(() => new Page('nonsense://h')).toThrow(expect.objectContaining({ name: 'SyntaxError' }));
    const socket = new Page('ws://h/v1/projects/p/ws');
    expect(() => socket.send('too early')).toThrow(expect.objectContaining({ name: 'InvalidStateError' }));
    expect(() => socket.close(1001)).toThrow(expect.objectContaining({ name: 'InvalidAccessError' }));
    expect(() => socket.close(1000, 'é'.repeat(62))).toThrow(expect.objectContaining({ name: 'SyntaxError' }));
    const told = watched(socket);
    socket.close();
    await soon(() => expect(told).toHaveLength(1));
  });

  it('leaves the bytes that it was given to their owner', async () => {
    const [socket, told] = await opened(await stage.open());
    const bytes = Uint8Array.of(1, 2, 3, 4);
    socket.send(bytes.subarray(1, 3));
    bytes.fill(9);
    socket.send(bytes.buffer);
    await soon(() => expect(told).toEqual(['bytes 2 3', 'bytes 9 9 9 9']));
    expect(bytes).toHaveLength(4);
  });

  it('tells how much has not left, wherever it waits', async () => {
    const [socket] = await opened(await stage.open());
    const [shared] = FakeWebSocket.all;
    if (shared === undefined) throw new Error('no socket');
    shared.bufferedAmount = 1_000_000;
    socket.send(new Uint8Array(100));
    socket.send('é');
    expect(socket.bufferedAmount).toBe(102);
    await soon(() => expect(shared.heard).toHaveLength(3));
    await new Promise((done) => setTimeout(done, 50));
    expect(socket.bufferedAmount).toBe(102);
    shared.bufferedAmount = 7;
    await soon(() => expect(socket.bufferedAmount).toBe(2));
    shared.bufferedAmount = 0;
    await soon(() => expect(socket.bufferedAmount).toBe(0));
  });
});

describe('a page that is gone', () => {
  it('leaves when its lock is free, and others stay', async () => {
    await opened(await stage.open());
    const [gone] = stage.locks.names('tab');
    const [, told] = await opened(await stage.open());
    stage.locks.release(gone ?? '');
    await soon(() => expect(FakeWebSocket.all[0]?.heard.at(-1)).toBe('c1 1001'));
    expect(told).toEqual([]);
  });

  it('and comes back has lost its connection, and makes another', async () => {
    const page = await stage.open();
    const [, told] = await opened(page);
    stage.page.dispatchEvent(new Event('pagehide'));
    await soon(() => expect(FakeWebSocket.all[0]?.heard.at(-1)).toBe('c1 1001'));
    await soon(() => expect(stage.locks.names('tab')).toEqual([]));
    expect(told).toEqual([]);
    stage.page.dispatchEvent(new Event('pageshow'));
    expect(told).toEqual(['close 1006 unclean']);
    await opened(page);
  });

  it('is not kept for without bound', () => {
    const posted: ToPage[] = [];
    let client: Client | undefined;
    const trunk = { open: (one: Client) => (client = one), gone: vi.fn() };
    const tab = new Tab({ post: (message) => posted.push(message), trunkOf: () => trunk as unknown as Trunk, watch: () => undefined });
    const large = (): Uint8Array<ArrayBuffer> => new Uint8Array(16 * 1024 * 1024);
    tab.on({ t: 'open', id: 1, url: 'ws://h/v1/projects/p/ws', protocols: [] });
    for (let i = 0; i < 4; i += 1) client?.message(false, large());
    tab.on({ t: 'read', id: 1, bytes: large().length });
    client?.message(false, large());
    expect(trunk.gone).not.toHaveBeenCalled();
    client?.message(false, utf8('one too many'));
    expect(trunk.gone).toHaveBeenCalledOnce();
    expect(posted.slice(-2).map(({ t }) => t)).toEqual(['message', 'closed']);
    expect(posted.at(-1)).toMatchObject({ code: 4412 });
  });

  it('says what it has taken in, so that much can come one after the other', async () => {
    const [socket, told] = await opened(await stage.open());
    let rounds = 0;
    await new Promise<void>((done) => {
      const send = (): void => socket.send(new Uint8Array(1024 * 1024));
      socket.onclose = () => done();
      socket.onmessage = () => ((rounds += 1) < 80 ? send() : done());
      send();
    });
    expect(rounds).toBe(80);
    expect(told).toEqual([]);
  });
});

describe('a worker', () => {
  it('that cannot be started: a socket of its own', async () => {
    stage.worker = 'broken';
    const page = await stage.open();
    const [socket, told] = await opened(page);
    socket.send('a');
    await soon(() => expect(told).toEqual(['text a']));
    expect(urls()).toEqual(['ws://h/v1/projects/p/ws']);
    stage.worker = 'good';
    await opened(page);
    expect(urls().at(-1)).toBe('ws://h/v1/shared');
  });

  it('that must not be started: a socket of its own', async () => {
    vi.stubGlobal('SharedWorker', class {
      constructor() {
        throw new DOMException('no', 'SecurityError');
      }
    });
    await opened(await stage.open());
    expect(urls()).toEqual(['ws://h/v1/projects/p/ws']);
  });

  it('that says nothing: a socket of its own, at once the next time', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    try {
      stage.worker = 'mute';
      const Page = await stage.open();
      const told = watched(new Page('ws://h/v1/projects/p/ws', 'x'));
      await vi.advanceTimersByTimeAsync(4_900);
      expect(told).toEqual([]);
      await vi.advanceTimersByTimeAsync(200);
      expect(told).toEqual(['open x']);
      const next = watched(new Page('ws://h/v1/projects/p/ws', 'x'));
      await vi.advanceTimersByTimeAsync(1);
      expect(next).toEqual(['open x']);
    } finally {
      vi.useRealTimers();
    }
  });

  it('that dies: the connection is lost, and the next starts another', async () => {
    const page = await stage.open();
    const [, told] = await opened(page);
    stage.killWorker();
    await soon(() => expect(told).toEqual(['close 1006 unclean']));
    await opened(page);
    expect(stage.workerLock.number).toBe(2);
  });
});
