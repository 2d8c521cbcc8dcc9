/** What a user may do, while that changes; and a server that takes less than is made. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Canvas } from '../src/canvas.js';
import { connect } from '../src/connect.js';
import type { ClientMessage, Role } from '../src/protocol.js';
import type { Rejected } from '../src/rejected.js';
import { AUTHOR, welcome, World, type FakeSocket } from './world.js';

let world: World;
let canvas: Canvas;
let socket: FakeSocket;
let roles: Role[];
let rejected: Rejected[];

const create = (id: string): void => void canvas.batch((tx) => void tx.create({}, id));
const cids = (messages: readonly ClientMessage[]): number[] => messages.flatMap((message) => (message.t === 'batch' ? [message.cid] : []));
const forbidden = expect.objectContaining({ code: 'forbidden' }) as unknown as Error;

beforeEach(() => {
  world = new World();
  canvas = connect({ url: 'ws://h/v1/projects/p/ws', clientId: 'client-1', WebSocket: world.WebSocket, runtime: world });
  [roles, rejected] = [[], []];
  canvas.on('status', ({ role }) => role !== undefined && role !== roles.at(-1) && roles.push(role));
  canvas.on('rejected', (one) => rejected.push(one));
  ({ socket } = world);
});

describe('a role', () => {
  it('is told with the first welcome, and whenever it is another', () => {
    expect([canvas.role, canvas.status]).toEqual([undefined, expect.not.objectContaining({ role: expect.anything() })]);
    world.serve({ role: 'viewer' });
    expect([canvas.role, canvas.status.role]).toEqual(['viewer', 'viewer']);
    socket.say({ t: 'permission', role: 'viewer' }, { t: 'permission', role: 'owner' }, welcome({ role: 'owner' }), welcome({ role: 'commenter' }));
    expect(roles).toEqual(['viewer', 'owner', 'commenter']);
  });

  it.each<[Role]>([['viewer'], ['commenter']])('of a %s refuses at once whatever would change objects, and sends none of it', (role) => {
    world.serve({ role }, [['a', 1, {}]]);
    socket.take();
    for (const edit of [() => create('b'), () => canvas.undo(), () => canvas.redo(), () => void canvas.lease(['a'])]) expect(edit).toThrow(forbidden);
    world.pass(100);
    expect([socket.take(), canvas.objects.size, canvas.status.unsent]).toEqual([[], 1, 0]);
  });

  it('that falls and rises in the middle of a drag: what was refused is told, and editing goes on', () => {
    world.serve({}, [['a', 1, { x: 0 }]]);
    socket.take();
    const move = (x: number): void => void canvas.batch((tx) => tx.update('a', { x }));
    canvas.beginGesture();
    move(1);
    expect(cids(socket.take())).toEqual([1]);
    socket.say({ t: 'permission', role: 'viewer' });
    expect(() => move(2)).toThrow(forbidden);
    socket.say({ t: 'reject', cid: 1, kind: 'forbidden', code: 'forbidden', message: 'viewer' });
    expect(rejected).toMatchObject([{ code: 'forbidden', ops: [{ id: 'a', set: { x: 1 } }] }]);
    expect(canvas.get('a')?.props).toEqual({ x: 0 });
    canvas.endGesture();
    socket.say({ t: 'permission', role: 'editor' });
    world.pass(16);
    move(3);
    expect(cids(socket.take())).toEqual([1]);
    socket.say({ t: 'commits', seq: 1, id: 'c1', commits: [[AUTHOR, 1, [['set', 'a', { x: 3 }]]]] }, { t: 'saved', cid: 1, seq: 1 });
    expect([canvas.get('a')?.props, canvas.status.unsaved, rejected.length]).toEqual([{ x: 3 }, 0, 1]);
    expect(world.sockets.length).toBe(1);
  });

  it('that fell while there was no connection: what was made meanwhile is told as refused', () => {
    create('a');
    world.serve({ role: 'viewer' });
    expect(cids(socket.take())).toEqual([1]);
    socket.say({ t: 'reject', cid: 1, kind: 'forbidden', code: 'forbidden', message: 'viewer' });
    expect([rejected.length, canvas.objects.size, canvas.status.unsent]).toEqual([1, 0, 0]);
  });

  it('that fell lets go of a lease without a word', async () => {
    world.serve({}, [['a', 1, {}]]);
    const lease = canvas.lease(['a']);
    socket.say({ t: 'commits', seq: 1, id: 'c1', commits: [[AUTHOR, 1, [['set', 'a', { $lease: [AUTHOR, 1, 60_000] }]]]] }, { t: 'ack', cid: 1, seq: 1 });
    await lease.held;
    socket.say({ t: 'permission', role: 'viewer' });
    socket.take();
    lease.release();
    world.pass(100);
    expect([lease.state, socket.take()]).toEqual(['released', []]);
  });
});

describe('another user', () => {
  it('who comes with the same client id gets another: what the server does not know of them is no loss', () => {
    const losses: unknown[] = [];
    const errors: string[] = [];
    canvas.on('loss', (loss) => losses.push(loss));
    canvas.on('error', ({ code }) => errors.push(code));
    world.serve();
    create('a');
    socket.say({ t: 'commits', seq: 1, id: 'c1', commits: [[AUTHOR, 1, [['put', 'a', {}]]]] }, { t: 'saved', cid: 1, seq: 1 });
    create('b');
    socket.drop(1006);
    world.pass(250);
    world.socket.open();
    world.socket.say(welcome({ author: 'somebody-else', last: 0, sync: 'delta', position: { epoch: 1, seq: 1, id: 'c1' } }));
    expect(errors).toEqual(['connection_lost', 'client_id_in_use']);
    expect(rejected).toMatchObject([{ code: 'client_id_in_use', ops: [{ id: 'b' }] }]);
    world.pass(500);
    world.socket.open();
    expect(world.socket.take()).toMatchObject([{ t: 'hello', client: expect.not.stringMatching('client-1'), position: { seq: 1 } }]);
    world.socket.say(welcome({ author: 'somebody-else', last: 0, sync: 'delta', position: { epoch: 1, seq: 1, id: 'c1' } }));
    expect([losses, canvas.status.connection, [...canvas.objects.keys()]]).toEqual([[], 'online', ['a']]);
  });
});

describe('a server that takes no more for now (`rate_limited`)', () => {
  it('gets everything later, in order, and nothing is lost', () => {
    world.serve();
    socket.take();
    for (const id of ['a', 'b', 'c']) create(id);
    world.pass(16);
    expect(cids(socket.take())).toEqual([1, 2, 3]);
    socket.say({ t: 'ack', cid: 1, seq: 1 });
    for (const cid of [2, 3]) socket.say({ t: 'reject', cid, kind: 'temporary', code: 'rate_limited', message: 'too fast', retry_ms: 500 });
    create('d');
    world.pass(499);
    expect(socket.take()).toEqual([]);
    expect(canvas.status).toMatchObject({ unsent: 3, heldBack: 'rate_limited' });
    world.pass(1);
    expect(cids(socket.take())).toEqual([2, 3, 4]);
    socket.say({ t: 'ack', cid: 4, seq: 4 });
    expect(canvas.status).not.toHaveProperty('heldBack');
    expect([rejected, canvas.status.unsent, [...canvas.objects.keys()]]).toEqual([[], 0, ['a', 'b', 'c', 'd']]);
  });
});
