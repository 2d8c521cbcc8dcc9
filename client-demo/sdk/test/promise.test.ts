/** The promise as an application sees it: what is accepted, what is saved, what was refused, and what a breach has cost. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Canvas } from '../src/canvas.js';
import { msgpackEncoding } from '../src/codec/frame.js';
import { connect } from '../src/connect.js';
import type { CanvasError } from '../src/errors.js';
import { jsonEncoding, lossAsJson } from '../src/json/index.js';
import type { Loss } from '../src/loss.js';
import type { ClientMessage, Commit, ServerMessage, Welcome } from '../src/protocol.js';
import type { Receipt } from '../src/receipt.js';
import type { Rejected } from '../src/rejected.js';
import { AUTHOR, welcome, World, type FakeSocket } from './world.js';

let world: World;
let canvas: Canvas;
let errors: CanvasError[];
let rejected: Rejected[];
let losses: Loss[];

/** Serves the latest socket up to an applied snapshot. */
function serve(more: Partial<Welcome> = {}, ...between: ServerMessage[]): FakeSocket {
  const { socket } = world;
  socket.open();
  socket.say(welcome(more), ...between, { t: 'snapshot', n: 0, last: true, objects: [] });
  return socket;
}
const create = (id: string, n = 0): Receipt => canvas.batch((tx) => void tx.create({ n }, id));
const batches = (messages: readonly ClientMessage[]) => messages.filter((message) => message.t === 'batch');
const cids = (messages: readonly ClientMessage[]): number[] => batches(messages).map(({ cid }) => cid);
const commits = (seq: number, ...list: Commit[]): ServerMessage => ({ t: 'commits', seq, id: `c${seq + list.length - 1}`, commits: list });
const mine = (seq: number, cid: number, id: string): ServerMessage => commits(seq, [AUTHOR, cid, [['put', id, {}]]]);
const ack = (cid: number): ServerMessage => ({ t: 'ack', cid, seq: cid });
const saved = (cid: number): ServerMessage => ({ t: 'saved', cid, seq: cid });
/** Lets the connection come back until it does, whatever the back-off. */
const comeBack = (): void => {
  const { length } = world.sockets;
  for (let i = 0; i < 100 && world.sockets.length === length; i += 1) world.pass(250);
};
/** Comes back again and again to a server with this last cid of ours. */
const insist = (last: number): void => {
  for (let i = 0; i < 20 && losses.length === 0; i += 1) {
    serve({ last, saved: last });
    comeBack();
  }
};
const outcome = (promise: Promise<void>): Promise<string> => promise.then(() => 'yes', (error: CanvasError) => error.code);

beforeEach(() => {
  world = new World();
  canvas = connect({ url: 'ws://h/v1/projects/p/ws', clientId: 'client-1', WebSocket: world.WebSocket, runtime: world });
  [errors, rejected, losses] = [[], [], []];
  canvas.on('error', (error) => errors.push(error));
  canvas.on('rejected', (one) => rejected.push(one));
  canvas.on('loss', (loss) => losses.push(loss));
});

describe('a receipt', () => {
  it('goes from kept to accepted to saved', async () => {
    const socket = serve();
    const receipt = create('a');
    const [accepted, isSaved] = [receipt.accepted, receipt.saved];
    expect(receipt.state).toBe('kept');
    socket.say(mine(1, 1, 'a'), ack(1));
    await accepted;
    expect(receipt.state).toBe('accepted');
    socket.say(saved(1));
    await isSaved;
    expect(receipt.state).toBe('saved');
    await Promise.all([receipt.accepted, receipt.saved]); // asked for later, the answer is the same
  });

  it('fails with what the batch was refused for, and only where somebody asks', async () => {
    const socket = serve();
    const [asked, ignored] = [create('a'), create('b')];
    const promise = outcome(asked.saved);
    world.pass(16);
    for (const cid of [1, 2]) {
      socket.say(commits(cid, [AUTHOR, cid, [], 'too_many_objects']));
      socket.say({ t: 'reject', cid, kind: 'final', code: 'too_many_objects', message: 'full' });
    }
    expect(await promise).toBe('too_many_objects');
    expect(await outcome(asked.accepted)).toBe('too_many_objects');
    expect(ignored.state).toBe('refused');
  });

  it('is taken back when the server has lost what it had accepted', async () => {
    const socket = serve();
    const receipt = create('a');
    socket.say(mine(1, 1, 'a'), ack(1));
    socket.take();
    socket.say(welcome({ last: 0, position: { epoch: 2, seq: 0, id: '' } }), { t: 'snapshot', n: 0, last: true, objects: [] });
    world.pass(16);
    expect(receipt.state).toBe('kept');
    expect(cids(socket.take())).toEqual([1]);
    expect(canvas.objects.has('a')).toBe(true);
    socket.say(commits(1, [AUTHOR, 1, [], 'exists']), { t: 'reject', cid: 1, kind: 'final', code: 'exists', message: 'exists' });
    expect(rejected).toMatchObject([{ code: 'exists', wasAccepted: true }]);
    expect(await outcome(receipt.saved)).toBe('exists');
  });

  it('of nothing is saved, and whenSaved waits for everything', async () => {
    const socket = serve();
    expect(canvas.batch(() => {}).state).toBe('saved');
    await canvas.whenSaved();
    create('a');
    create('b');
    world.pass(16);
    let isSaved = false;
    const promise = canvas.whenSaved().then(() => void (isSaved = true));
    socket.say(mine(1, 1, 'a'), mine(2, 2, 'b'), ack(2), saved(1));
    await Promise.resolve();
    expect(isSaved).toBe(false);
    socket.say(saved(2));
    await promise;
  });

  it('fails when the canvas is closed, or the server ends it, before the batch is saved', async () => {
    serve();
    const [a] = [create('a')];
    world.socket.drop(4409);
    expect(await outcome(a.saved)).toBe('replaced');
    expect(losses).toMatchObject([{ code: 'replaced', batches: [{ cid: 1, was: 'unsent', objects: ['a'], isResent: false }] }]);
    canvas = connect({ url: 'ws://h/v1/projects/p/ws', WebSocket: world.WebSocket, runtime: world });
    const b = create('b');
    await canvas.close();
    expect(await outcome(b.accepted)).toBe('closed');
  });
});

describe('a sync', () => {
  it('by a snapshot tells of a refusal that happened meanwhile before anything counts as saved', async () => {
    serve();
    const receipt = create('a');
    world.socket.drop(1006);
    comeBack();
    serve({ last: 1, saved: 1, position: { epoch: 1, seq: 5, id: 'c5' } }, { t: 'reject', cid: 1, kind: 'final', code: 'exists', message: 'exists' });
    expect(rejected).toMatchObject([{ code: 'exists', cid: 1 }]);
    expect(await outcome(receipt.saved)).toBe('exists');
    expect(canvas.status).toMatchObject({ unsent: 0, unsaved: 0 });
  });

  it('counts nothing as accepted before it is through', () => {
    serve();
    const receipt = create('a');
    world.socket.drop(1006);
    comeBack();
    world.socket.open();
    world.socket.say(welcome({ last: 1, saved: 0, position: { epoch: 1, seq: 5, id: 'c5' } }));
    expect(receipt.state).toBe('kept');
    world.socket.say({ t: 'snapshot', n: 0, last: true, objects: [] });
    expect(receipt.state).toBe('accepted');
  });

  it('resends the same bytes after every welcome, however often, in both encodings', () => {
    for (const encoding of [msgpackEncoding, jsonEncoding]) {
      world = new World();
      canvas = connect({ url: 'ws://h', WebSocket: world.WebSocket, runtime: world, encoding });
      const sent: unknown[][] = [];
      const record = (socket: FakeSocket): void => {
        const send = socket.send.bind(socket);
        socket.send = (data): void => {
          if (typeof data === 'string' ? data.includes('"batch"') : Buffer.from(data).includes('batch')) sent.push([data.toString()]);
          send(data);
        };
      };
      record(world.socket);
      const socket = serve();
      canvas.batch((tx) => tx.create({ z: 'a0', b: 1, a: [2.5, { y: 1, x: -0 }], big: 2n ** 60n }, 'o'));
      for (let i = 0; i < 3; i += 1) {
        socket.say(welcome({ last: 0 }), { t: 'snapshot', n: 0, last: true, objects: [] });
        world.pass(16);
      }
      socket.say({ t: 'gap', expected: 1 });
      world.pass(16);
      socket.drop(1012);
      comeBack();
      record(world.socket);
      serve({ epoch: 9 } as Partial<Welcome>);
      world.pass(16);
      expect(sent.length).toBe(6);
      expect(new Set(sent.map(String)).size).toBe(1);
    }
  });
});

describe('a server behind its word', () => {
  const breach = (): Receipt[] => {
    const receipts = [create('a', 1), create('b', 2), create('c', 3), create('d', 4)];
    const { socket } = world;
    world.pass(16);
    socket.say(mine(1, 1, 'a'), mine(2, 2, 'b'), mine(3, 3, 'c'), ack(3), saved(2));
    socket.drop(1006);
    comeBack();
    return receipts;
  };

  it('is asked again with the same client id before it is believed, and nothing is lost when it catches up', () => {
    serve();
    breach();
    serve({ last: 1, saved: 1 });
    expect(errors.at(-1)).toMatchObject({ code: 'server_behind', retry: true });
    expect(canvas.status.connection).toBe('offline');
    expect(batches(world.socket.take())).toEqual([]);
    comeBack();
    world.socket.open();
    expect(world.socket.take()).toMatchObject([{ t: 'hello', client: 'client-1', position: { seq: 3 }, saved: 2 }]);
    world.socket.say(welcome({ last: 3, saved: 3, sync: 'delta', position: { epoch: 1, seq: 3, id: 'c3' } }));
    world.pass(16);
    expect(batches(world.socket.take())).toMatchObject([{ cid: 4 }]);
    expect([losses, rejected]).toEqual([[], []]);
  });

  it('that stays behind: reported, what was not saved is sent again as new, and the rest can be put back', async () => {
    serve();
    const receipts = breach();
    const since = world.time;
    insist(1);
    expect(world.time - since).toBeGreaterThanOrEqual(30_000);
    expect(losses).toMatchObject([
      {
        code: 'history_lost', forgotten: 0,
        batches: [
          { cid: 2, was: 'saved', objects: ['b'], ops: [{ op: 'create', id: 'b', props: { n: 2 } }], isResent: false },
          { cid: 3, was: 'accepted', objects: ['c'], isResent: true },
        ],
      },
    ]);
    expect(rejected).toEqual([]);
    expect(receipts.map(({ state }) => state)).toEqual(['saved', 'saved', 'kept', 'kept']);
    world.socket.open();
    const [hello] = world.socket.take();
    expect(hello).not.toHaveProperty('position');
    expect(hello).not.toMatchObject({ client: 'client-1' });
    world.socket.say(welcome({ position: { epoch: 3, seq: 1, id: 'x1' } }), { t: 'snapshot', n: 0, last: true, objects: [['a', 1, { n: 1 }]] });
    world.pass(16);
    expect([...canvas.objects.keys()].sort()).toEqual(['a', 'c', 'd']);
    expect(batches(world.socket.take())).toMatchObject([{ cid: 1, ops: [{ id: 'c' }] }, { cid: 2, ops: [{ id: 'd' }] }]);
    expect(canvas.putBack(losses[0] as Loss)).toBe(1);
    world.pass(16);
    expect(batches(world.socket.take())).toMatchObject([{ cid: 3, ops: [{ op: 'create', id: 'b', props: { n: 2 } }] }]);
    expect(canvas.putBack(losses[0] as Loss)).toBe(0);
    expect(JSON.parse(lossAsJson(losses[0] as Loss))).toMatchObject({ code: 'history_lost', batches: [{ cid: 2 }, { cid: 3 }] });
    world.socket.say(commits(2, [AUTHOR, 1, [['put', 'c', {}]]]), ack(1), saved(1));
    await receipts[2]?.saved;
  });

  it('in the middle of a session shows in a gap: it does not resend for ever', () => {
    serve();
    breach();
    const socket = serve({ last: 3, saved: 2 });
    world.pass(16);
    socket.take();
    socket.say({ t: 'gap', expected: 2 });
    expect(socket.closedWith).toBe(1000);
    expect(errors.at(-1)).toMatchObject({ code: 'server_behind' });
  });

  it('refuses what it had called saved, because another copy of it came in: a loss as well', () => {
    const socket = serve();
    create('a');
    socket.say(mine(1, 1, 'a'), ack(1), saved(1));
    for (let i = 0; i < 2; i += 1) socket.say({ t: 'reject', cid: 1, kind: 'final', code: 'exists', message: 'exists' });
    expect(losses).toMatchObject([{ code: 'history_lost', batches: [{ cid: 1, was: 'saved', objects: ['a'] }] }]);
    expect(rejected).toEqual([]);
  });

  it('remembers a thousand batches, and counts the others', () => {
    const socket = serve();
    for (let i = 1; i <= 1_050; i += 1) {
      create(`o${i}`);
      world.pass(16);
      socket.say(mine(i, i, `o${i}`), ack(i), saved(i));
    }
    socket.drop(1006);
    comeBack();
    insist(20);
    expect([losses[0]?.forgotten, losses[0]?.batches.length, losses[0]?.batches[0]?.cid]).toEqual([30, 1_000, 51]);
  });

  it('is told of when a close ends the client id while accepted batches are not saved', async () => {
    serve();
    const receipts = [create('a'), create('b')];
    world.pass(16);
    world.socket.say(mine(1, 1, 'a'), ack(1));
    world.socket.drop(4400);
    expect(losses).toMatchObject([{ code: 'malformed', batches: [{ cid: 1, was: 'accepted', isResent: false }] }]);
    expect(rejected).toMatchObject([{ code: 'malformed', cid: 2 }]);
    expect(await Promise.all(receipts.map(({ saved }) => outcome(saved)))).toEqual(['malformed', 'malformed']);
  });

  it('has batches that were not sent from here: the client id is given up', () => {
    serve();
    create('a');
    world.socket.drop(1006);
    comeBack();
    serve({ last: 2 });
    expect(errors.at(-1)).toMatchObject({ code: 'client_id_in_use' });
    expect(rejected).toMatchObject([{ code: 'client_id_in_use', cid: 1 }]);
  });
});
