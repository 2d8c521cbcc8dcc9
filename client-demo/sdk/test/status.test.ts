/** What the status tells beside the connection: what is at risk, and why. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Canvas } from '../src/canvas.js';
import { connect } from '../src/connect.js';
import type { ServerMessage } from '../src/protocol.js';
import { AUTHOR, welcome, World, type FakeSocket } from './world.js';

let world: World;
let canvas: Canvas;

const serve = (): FakeSocket => {
  world.socket.open();
  world.socket.say(welcome(), { t: 'snapshot', n: 0, last: true, objects: [] });
  return world.socket;
};
const create = (id: string): void => void canvas.batch((tx) => void tx.create({}, id));
const mine = (seq: number, cid: number, id: string): ServerMessage => ({ t: 'commits', seq, id: `c${seq}`, commits: [[AUTHOR, cid, [['put', id, {}]]]] });
const ack = (cid: number): ServerMessage => ({ t: 'ack', cid, seq: cid });
const saved = (cid: number): ServerMessage => ({ t: 'saved', cid, seq: cid });

beforeEach(() => {
  world = new World();
  canvas = connect({ url: 'ws://h/v1/projects/p/ws', WebSocket: world.WebSocket, runtime: world });
});

describe('status', () => {
  it('tells since when work is unsaved, and that the store stands still', () => {
    const socket = serve();
    const made = world.time;
    create('a');
    expect(canvas.status).toMatchObject({ unsavedSince: made, stalled: false });
    expect(canvas.isSafeToLeave).toBe(false);
    world.pass(3_000);
    socket.say(mine(1, 1, 'a'), ack(1));
    expect(canvas.isSafeToLeave).toBe(true); // accepted: it survives any one failure, even without this page
    world.pass(9_999);
    expect(canvas.status.stalled).toBe(false);
    world.pass(1);
    expect(canvas.status).toMatchObject({ unsent: 0, unsaved: 1, unsavedSince: made, stalled: true });
    expect([canvas.isSafeToLeave, world.page?.leaving()]).toEqual([false, true]);
    socket.say(saved(1));
    expect(canvas.status).toMatchObject({ unsaved: 0, stalled: false });
    expect(canvas.status).not.toHaveProperty('unsavedSince');
    expect([canvas.isSafeToLeave, world.page?.leaving()]).toEqual([true, false]);
  });

  it('tells why the server takes nothing, until it does', () => {
    const socket = serve();
    create('a');
    socket.say({ t: 'reject', cid: 1, kind: 'temporary', code: 'unavailable', message: '', retry_ms: 500 });
    expect(canvas.status).toMatchObject({ heldBack: 'unavailable', unsent: 1 });
    world.pass(500);
    expect(canvas.status.heldBack).toBe('unavailable');
    socket.say(mine(1, 1, 'a'), ack(1));
    expect(canvas.status).not.toHaveProperty('heldBack');
  });

  it('what the server did not take is sent again, also when the user was about to leave and stayed', () => {
    const socket = serve();
    create('a');
    socket.say({ t: 'reject', cid: 1, kind: 'temporary', code: 'unavailable', message: '', retry_ms: 500 });
    socket.take();
    expect(world.page?.leaving()).toBe(true);
    world.pass(500);
    expect(socket.take()).toMatchObject([{ t: 'batch', cid: 1 }]);
  });

  it('says nothing against a server that it cannot hear', () => {
    const socket = serve();
    create('a');
    socket.say(mine(1, 1, 'a'), ack(1));
    canvas.disconnect();
    world.pass(60_000);
    expect(canvas.status).toMatchObject({ connection: 'offline', unsaved: 1, stalled: false });
    expect(canvas.isSafeToLeave).toBe(true);
  });
});
