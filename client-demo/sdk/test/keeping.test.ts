/** When what must be kept is sent. */
import { expect, it } from 'vitest';
import { connect } from '../src/connect.js';
import type { Keeper } from '../src/keeper.js';
import { welcome, World } from './world.js';

it('a batch that must be kept first goes out as soon as it is, and not before', async () => {
  const world = new World();
  let [written, waiting]: [readonly number[], readonly number[]] = [[], []];
  let kept = (): void => undefined;
  const keeper: Keeper = {
    open: async (_, tell) => void (kept = tell),
    keep: ({ batches }) => void (waiting = batches.map(({ key }) => key)),
    isKept: ({ key }) => written.includes(key),
    isBroken: false,
    close: () => undefined,
  };
  const canvas = connect({ url: 'ws://h/v1/projects/p/ws', clientId: 'client-1', WebSocket: world.WebSocket, runtime: world, keeper });
  await canvas.whenOpened();
  const socket = world.serve();
  world.pass(100);
  socket.take();
  for (const [i, id] of ['a', 'b'].entries()) {
    canvas.batch((tx) => void tx.create({}, id));
    world.pass(2);
    expect(socket.take()).toEqual([]);
    written = waiting;
    kept();
    expect(socket.take()).toMatchObject([{ t: 'batch', cid: i + 1 }]);
    world.pass(16);
  }
});

it('what another user has left with this client id is nothing that the server could have lost', async () => {
  const world = new World();
  const keeper: Keeper = {
    open: async () => ({
      clientId: 'kept-client', author: 'ana-then', savedCid: 7, highestCid: 7, batches: [], position: undefined, objects: [], undo: { done: [], undone: [] },
    }),
    keep: () => undefined,
    isKept: () => true,
    isBroken: false,
    close: () => undefined,
  };
  const canvas = connect({ url: 'ws://h/v1/projects/p/ws', WebSocket: world.WebSocket, runtime: world, keeper });
  const errors: string[] = [];
  canvas.on('error', ({ code }) => errors.push(code));
  await canvas.whenOpened();
  world.socket.open();
  expect(world.socket.take()).toMatchObject([{ client: 'kept-client', saved: 7 }]);
  world.socket.say(welcome({ author: 'ben-now', last: 0 }));
  world.pass(250);
  expect(errors).toEqual(['client_id_in_use']);
  world.socket.open();
  const [hello] = world.socket.take();
  expect(hello).not.toMatchObject({ client: 'kept-client' });
  expect(hello).not.toHaveProperty('saved');
});
