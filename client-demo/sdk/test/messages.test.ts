/** Messages of the server that are only passed on, or passed over. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Canvas } from '../src/canvas.js';
import { connect } from '../src/connect.js';
import type { CanvasError } from '../src/errors.js';
import type { ServerMessage } from '../src/protocol.js';
import { World, type FakeSocket } from './world.js';

let canvas: Canvas;
let socket: FakeSocket;
let errors: CanvasError[];

beforeEach(() => {
  const world = new World();
  canvas = connect({ url: 'ws://h/v1/projects/p/ws', WebSocket: world.WebSocket, runtime: world });
  errors = [];
  canvas.on('error', (error) => errors.push(error));
  socket = world.serve();
});

describe('an error message', () => {
  it('is an error event', () => {
    socket.say({ t: 'error', code: 'presence_too_large', message: 'too large' });
    expect(errors).toMatchObject([{ code: 'presence_too_large', message: 'too large', retry: false }]);
  });
});

describe('a message of a type that is not known', () => {
  it('is passed over: a later server may send it', () => {
    socket.say({ t: 'confetti' } as unknown as ServerMessage);
    expect([errors, canvas.status.connection]).toEqual([[], 'online']);
  });
});

describe('text where MessagePack is spoken', () => {
  it('is a frame that cannot be read: told, and connected anew', () => {
    socket.raw('{"t":"pong","n":1,"seq":0}');
    expect(errors).toMatchObject([{ code: 'server_error', retry: true }]);
    expect(canvas.status.connection).toBe('offline');
  });
});
