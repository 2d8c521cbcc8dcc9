import { beforeEach, expect, it } from 'vitest';
import type { Canvas } from '../src/canvas.js';
import { connect } from '../src/connect.js';
import { welcome, World } from './world.js';

let world: World;
let canvas: Canvas;

beforeEach(() => {
  world = new World();
  canvas = connect({ url: 'ws://h/v1/projects/p/ws', clientId: 'client-1', WebSocket: world.WebSocket, runtime: world });
});

it('presence is sent about thirty times a second, the latest values', () => {
  const socket = world.serve();
  socket.take();
  for (let i = 0; i < 100; i += 1) {
    canvas.presence.set({ cursor: [i, i] });
    world.pass(10);
  }
  world.pass(33);
  const sent = socket.take();
  expect(sent.length).toBeGreaterThan(20);
  expect(sent.length).toBeLessThan(34);
  expect(sent.at(-1)).toEqual({ t: 'presence', set: { cursor: expect.arrayContaining([99, 99]) } });
});

it('presence is sent as often as the server says, and not at all while nobody is there', () => {
  const socket = world.serve();
  world.pass(100);
  socket.take();
  const move = (ms: number): number => {
    for (let i = 0; i < ms; i += 4) {
      canvas.presence.set({ cursor: [world.time % 977, i] });
      world.pass(4);
    }
    return socket.take().filter(({ t }) => t === 'presence').length;
  };
  socket.say({ t: 'pace', presence_ms: null });
  expect(move(400)).toBe(0);
  socket.say({ t: 'pace', presence_ms: 100 });
  expect(socket.take()).toMatchObject([{ t: 'presence' }]); // what was kept back, at once
  expect(move(1_000)).toBe(10);
  socket.say({ t: 'pace', presence_ms: 16 });
  expect(move(1_000)).toBeGreaterThan(45);
});

it('tells whether the user is at work: idle, away, and back at once', () => {
  const socket = world.serve();
  world.pass(100);
  const told = (): unknown[] => socket.take().flatMap((m) => (m.t === 'presence' ? [m.set['status']] : []));
  told();
  // A server that is heard of now and then.
  const live = (ms: number): void => {
    for (let rest = ms; rest > 0; rest -= 5_000) {
      world.pass(Math.min(rest, 5_000));
      socket.say({ t: 'pong', n: 0, seq: 0 });
    }
  };
  live(59_000);
  world.page?.touched();
  live(59_999);
  expect(told()).toEqual([]);
  live(100);
  expect(told()).toEqual(['idle']);
  live(240_000);
  expect(told()).toEqual(['away']);
  world.page?.touched();
  expect(told()).toEqual(['active']);
  world.page?.seen(false);
  live(9_000);
  world.page?.seen(true);
  live(5_000);
  expect(told()).toEqual([]); // a glance elsewhere
  world.page?.seen(false);
  live(10_100);
  expect(told()).toEqual(['away']);
  world.page?.seen(true);
  world.pass(100);
  expect(told()).toEqual(['active']);
});

it('presence set while connecting is not lost', () => {
  world.socket.open();
  canvas.presence.set({ name: 'Ana' });
  world.pass(100);
  world.socket.take();
  world.socket.say(welcome());
  expect(world.socket.take()).toEqual([{ t: 'presence', set: { name: 'Ana' } }]);
});

it('others are shown, and forgotten when we are away too long', () => {
  let events = 0;
  canvas.on('presence', () => (events += 1));
  const socket = world.serve();
  socket.say({ t: 'presence', full: true, sessions: [[8, { cursor: [1, 2] }, { author: 'x', user: 'ana', role: 'editor' }]] });
  expect(canvas.presence.others.get(8)).toMatchObject({ user: 'ana', isSelf: false });
  expect(canvas.presence.cursor(8)).toEqual({ x: 1, y: 2 });
  canvas.disconnect();
  world.pass(29_999);
  expect(canvas.presence.others.size).toBe(1);
  world.pass(1);
  expect(canvas.presence.others.size).toBe(0);
  expect(events).toBe(2);
});

it('broadcasts go out and come in', () => {
  const socket = world.serve();
  socket.take();
  const heard: unknown[] = [];
  canvas.on('broadcast', (b) => heard.push(b));
  canvas.broadcast('reaction', { emoji: '🎉' });
  canvas.broadcast('hi', null, 8);
  expect(socket.take()).toEqual([{ t: 'broadcast', topic: 'reaction', data: { emoji: '🎉' } }, { t: 'broadcast', topic: 'hi', data: null, to: 8 }]);
  socket.say({ t: 'broadcast', from: 8, topic: 'x', data: 1 });
  expect(heard).toEqual([{ from: 8, topic: 'x', data: 1 }]);
  expect(() => canvas.broadcast('big', 'x'.repeat(9_000))).toThrow(expect.objectContaining({ code: 'broadcast_too_large' }));
});
