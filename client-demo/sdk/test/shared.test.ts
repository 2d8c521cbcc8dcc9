/** The parts of the shared socket without I/O: frames, addresses, who has how much waiting, and what the multiplexer decides. */
import { describe, expect, it, vi } from 'vitest';
import { address, closeFrame, frameAround, openFrame, readClose, readFrame, textOf, utf8 } from '../src/shared/codec.js';
import { sharedSocket } from '../src/shared/index.js';
import { Multiplexer, type MultiplexerEffect, type MultiplexerInput } from '../src/shared/multiplexer.js';
import { Outbox } from '../src/shared/outbox.js';
import { placeOf } from '../src/shared/place.js';
import { Random } from './random.js';

const bytes = (...values: number[]): Uint8Array<ArrayBuffer> => Uint8Array.from(values);

describe('a frame', () => {
  it('has a kind, a channel of four bytes, and a payload', () => {
    expect(openFrame(1, 'p-1', ['a', 'b'])).toEqual(bytes(0x6f, 0, 0, 0, 1, ...utf8('p-1 a,b')));
    expect(closeFrame(0x01020304, 4409, 'é')).toEqual(bytes(0x63, 1, 2, 3, 4, 0x11, 0x39, 0xc3, 0xa9));
    expect(address(frameAround(bytes(7, 8)), 'b', 0xfffffffe)).toEqual(bytes(0x62, 0xff, 0xff, 0xff, 0xfe, 7, 8));
    expect(address(frameAround(utf8('')), 't', 0)).toEqual(bytes(0x74, 0, 0, 0, 0));
  });

  it('is read as it was written, wherever it stands in a buffer', () => {
    const random = new Random(7);
    for (let round = 0; round < 500; round += 1) {
      const [kind, channel, payload] = [random.pick(['o', 'b', 't', 'c'] as const), random.below(2 ** 32), random.bytes(random.below(40))];
      const around = new Uint8Array(90);
      const at = random.below(40);
      around.set(address(frameAround(payload), kind, channel), at);
      expect(readFrame(around.subarray(at, at + 5 + payload.length))).toEqual({ kind, channel, payload });
    }
    for (let size = 0; size < 5; size += 1) expect(readFrame(new Uint8Array(size))).toBeUndefined();
  });

  it('that closes may say nothing', () => {
    expect(readClose(bytes())).toEqual({ code: 1005, reason: '' });
    expect(readClose(bytes(3, 0xe8))).toEqual({ code: 1000, reason: '' });
    expect(readClose(readFrame(closeFrame(9, 4401, 'no 🔑'))?.payload ?? bytes())).toEqual({ code: 4401, reason: 'no 🔑' });
  });

  it('keeps a byte order mark of a text', () => expect(textOf(utf8('\uFEFFa'))).toBe('\uFEFFa'));
});

describe('the shared address', () => {
  it('is beside the projects', () => {
    expect(placeOf('ws://h:8080/v1/projects/p/ws')).toEqual({ url: 'ws://h:8080/v1/shared', project: 'p' });
    expect(placeOf('wss://h/a/v1/projects/b/v1/projects/p_-9/ws')).toEqual({ url: 'wss://h/a/v1/projects/b/v1/shared', project: 'p_-9' });
  });

  it('is unknown for another form', () => {
    for (const tail of ['v1/projects/p/ws?x=1', 'v1/projects/p', 'v1/projects/a%20b/ws', 'v2/projects/p/ws', 'v1/projects//ws']) {
      expect(placeOf(`ws://h/${tail}`), tail).toBeUndefined();
    }
  });
});

describe('what waits in a socket', () => {
  it('leaves in order, and is told to who sent it', () => {
    const outbox = new Outbox<string>();
    outbox.push('a', 15, 10);
    outbox.push(undefined, 20, 0);
    outbox.push('b', 35, 30);
    outbox.push('a', 6, 1);
    expect(outbox.left(76)).toEqual(new Map());
    expect(outbox.left(61)).toEqual(new Map([['a', 10]]));
    expect(outbox.left(7)).toEqual(new Map());
    expect(outbox.left(6)).toEqual(new Map([['b', 30]]));
    expect(outbox.isEmpty).toBe(false);
    expect(outbox.left(0)).toEqual(new Map([['a', 1]]));
    expect(outbox.isEmpty).toBe(true);
  });
});

/** A machine with a clock of its own; a key is a name. */
function machine() {
  const machine = new Multiplexer<string>();
  const world = {
    machine,
    now: 1_000_000,
    on: (input: MultiplexerInput<string>): string[] => machine.on(world.now, input).map(spoken),
    open: (key: string): string[] => world.on({ on: 'open', key, project: `p${key}`, protocols: ['x'] }),
    frame: (frame: Uint8Array<ArrayBuffer>): string[] => world.on({ on: 'frame', bytes: frame }),
    opened: (channel: number): string[] => world.frame(address(frameAround(utf8('x')), 'o', channel)),
    ended: (code: number): string[] => world.on({ on: 'ended', code, reason: '' }),
    /** Lets time pass up to the deadline. */
    wait: (): string[] => {
      if (machine.deadline === undefined) throw new Error('it waits for nothing');
      world.now = Math.max(world.now, machine.deadline);
      return world.on({ on: 'timer' });
    },
    /** With these channels open, 1, 2 and so on. */
    online: (...keys: string[]) => {
      keys.forEach(world.open);
      world.on({ on: 'connected' });
      keys.forEach((_, i) => world.opened(i + 1));
      return world;
    },
  };
  return world;
}

function spoken(effect: MultiplexerEffect<string>): string {
  switch (effect.do) {
    case 'send': {
      const frame = readFrame(effect.frame);
      return `send ${frame?.kind} ${frame?.channel}`;
    }
    case 'connect':
      return 'connect';
    case 'disconnect':
      return `disconnect ${effect.code}`;
    case 'closed':
      return `closed ${effect.key} ${effect.code}`;
    default:
      return `${effect.do} ${effect.key}${effect.do === 'alone' && effect.isTrial ? ' trial' : ''}`;
  }
}

describe('the multiplexer', () => {
  it('opens one socket for all, and closes it when it is not needed any more', () => {
    const m = machine();
    expect(m.open('a')).toEqual(['connect']);
    expect(m.open('b')).toEqual([]);
    expect(m.on({ on: 'connected' })).toEqual(['send o 1', 'send o 2']);
    expect(m.opened(2)).toEqual(['opened b']);
    expect(m.opened(1)).toEqual(['opened a']);
    expect(m.open('c')).toEqual(['send o 3']);
    expect(m.on({ on: 'send', key: 'a', isText: false, frame: frameAround(bytes(1)) })).toEqual(['send b 1']);
    expect(m.on({ on: 'close', key: 'a', code: 1000, reason: '' })).toEqual(['send c 1']);
    expect(m.on({ on: 'close', key: 'a', code: 1000, reason: '' })).toEqual([]);
    expect(m.on({ on: 'send', key: 'a', isText: false, frame: frameAround(bytes(1)) })).toEqual([]);
    expect(m.frame(address(frameAround(bytes(1)), 'b', 1))).toEqual([]);
    expect(m.frame(closeFrame(1, 1000, ''))).toEqual(['closed a 1000']);
    expect(m.on({ on: 'gone', key: 'b' })).toEqual(['send c 2']);
    expect(m.frame(closeFrame(2, 1001, ''))).toEqual([]);
    expect(m.frame(closeFrame(3, 4403, ''))).toEqual(['closed c 4403']);
    expect(m.wait()).toEqual(['disconnect 1000']);
    expect(m.machine.deadline).toBeUndefined();
    expect(m.open('d')).toEqual(['connect']);
  });

  it('keeps the socket for a page that comes at once', () => {
    const m = machine().online('a');
    m.on({ on: 'gone', key: 'a' });
    m.frame(closeFrame(1, 1001, ''));
    expect(m.machine.deadline).toBe(m.now + 1_000);
    m.now += 900;
    expect(m.open('b')).toEqual(['send o 2']);
    expect(m.opened(2)).toEqual(['opened b']);
    expect(m.machine.deadline).toBeUndefined();
  });

  it('gives each its own when there is no shared one, and remembers that only when theirs are opened', () => {
    const m = machine();
    m.open('a');
    expect(m.ended(1006)).toEqual(['alone a trial']);
    // The server was away, for all that one knows.
    expect(m.open('b')).toEqual(['connect']);
    expect(m.ended(1006)).toEqual(['alone b trial']);
    m.on({ on: 'alone_worked' });
    expect(m.open('c')).toEqual(['alone c']);
    m.now += 60_000;
    expect(m.open('d')).toEqual(['connect']);
  });

  it('gives each its own when the shared one takes long, or is opened and never says anything', () => {
    const slow = machine();
    slow.open('a');
    expect(slow.wait()).toEqual(['disconnect 1000', 'alone a trial']);
    expect(slow.now).toBe(1_004_000);
    const mute = machine();
    mute.open('a');
    mute.on({ on: 'connected' });
    expect(mute.wait()).toEqual(['disconnect 1000', 'alone a trial']);
    expect(mute.now).toBe(1_003_000);
    const shut = machine();
    shut.open('a');
    shut.on({ on: 'connected' });
    expect(shut.ended(1000)).toEqual(['alone a trial']);
  });

  it('ends every channel with the code of the socket when that means to come back', () => {
    for (const code of [1001, 1005, 1006, 1011, 1012, 4410, 4500, 4503]) {
      const m = machine().online('a', 'b');
      expect(m.ended(code)).toEqual([`closed a ${code}`, `closed b ${code}`]);
      expect(m.open('c')).toEqual(['connect']);
    }
  });

  it('never tells a session that it shall not come back because the socket shall not', () => {
    for (const code of [1000, 1009, 4400, 4401, 4403, 4404, 4406, 4409, 4411]) {
      expect(machine().online('a', 'b').ended(code), String(code)).toEqual(['closed a 1006', 'closed b 1006']);
    }
  });

  it('shares no more for a while when one side cannot read the other, so that only the guilty one goes on failing', () => {
    for (const code of [1002, 1007, 1009, 4400]) {
      const m = machine().online('a');
      m.ended(code);
      expect(m.open('b')).toEqual(['alone b']);
    }
    const m = machine().online('a');
    expect(m.frame(bytes(1, 2, 3))).toEqual(['disconnect 4400', 'closed a 1006']);
    expect(m.open('b')).toEqual(['alone b']);
  });

  it('keeps from the socket what would end it for all', () => {
    const m = machine().online('a', 'b');
    const send = (size: number): string[] => m.on({ on: 'send', key: 'a', isText: false, frame: frameAround(new Uint8Array(size)) });
    expect(send(2 ** 20)).toEqual(['send b 1']);
    expect(send(2 ** 20 + 1)).toEqual(['send c 1', 'closed a 1009']);
    expect(send(1)).toEqual([]);
    expect(m.frame(closeFrame(1, 1009, ''))).toEqual([]);
    expect(m.machine.deadline).toBeUndefined();
  });

  it('is retired by a server that stops, and goes with the last of its channels', () => {
    const m = machine().online('a', 'b');
    expect(m.machine.isRetired).toBe(false);
    m.open('c');
    expect(m.frame(closeFrame(3, 1012, ''))).toEqual(['closed c 1012']);
    expect(m.machine.isRetired).toBe(true);
    expect(m.frame(address(frameAround(bytes(1)), 'b', 1))).toEqual(['message a']);
    m.frame(closeFrame(1, 1012, ''));
    m.frame(closeFrame(2, 1012, ''));
    expect(m.machine.deadline).toBe(m.now);
    expect(m.wait()).toEqual(['disconnect 1000']);
    expect(m.machine.isRetired).toBe(false);
  });

  it('notices a dead connection by the first who wants to be let in', () => {
    const m = machine().online('a', 'b');
    m.now += 60_000;
    m.on({ on: 'close', key: 'a', code: 1000, reason: '' });
    m.now += 100;
    expect(m.open('a2')).toEqual(['send o 3']);
    expect(m.wait()).toEqual(['closed a 1006']);
    expect(m.wait()).toEqual(['disconnect 1000', 'closed b 1006', 'closed a2 1006']);
    expect(m.open('a3')).toEqual(['connect']);
  });

  it('is patient with a server that speaks to others', () => {
    const m = machine().online('a');
    m.now += 60_000;
    m.open('b');
    m.now += 2_900;
    expect(m.frame(address(frameAround(bytes(1)), 'b', 1))).toEqual(['message a']);
    expect(m.wait()).toEqual([]);
    expect(m.machine.deadline).toBeUndefined();
    expect(m.opened(2)).toEqual(['opened b']);
  });

  it('forgets a page that goes before its channel is open', () => {
    const m = machine();
    m.open('a');
    m.open('b');
    expect(m.on({ on: 'gone', key: 'a' })).toEqual([]);
    expect(m.on({ on: 'close', key: 'b', code: 1000, reason: '' })).toEqual(['closed b 1006']);
    expect(m.on({ on: 'connected' })).toEqual([]);
    expect(m.wait()).toEqual(['disconnect 1000']);
  });

  it('shares with as many as a server takes', () => {
    const m = machine().online(...Array.from({ length: 64 }, (_, i) => `k${i}`));
    expect(m.open('x')).toEqual(['alone x']);
    m.frame(closeFrame(5, 1000, ''));
    expect(m.open('y')).toEqual(['send o 65']);
  });

  it('passes over what is not for anybody', () => {
    const m = machine().online('a');
    for (const kind of ['o', 'b', 't', 'c'] as const) expect(m.frame(address(frameAround(bytes(3, 0xe8)), kind, 77))).toEqual([]);
    expect(m.frame(bytes(0x7a, 0, 0, 0, 1))).toEqual([]);
    expect(m.opened(1)).toEqual([]);
  });
});

describe('where nothing can be shared', () => {
  it('it is the global WebSocket', () => {
    const Global = class {} as unknown as typeof WebSocket;
    vi.stubGlobal('WebSocket', Global);
    expect(sharedSocket()).toBe(Global);
    vi.stubGlobal('document', {});
    expect(sharedSocket()).toBe(Global);
    vi.stubGlobal('SharedWorker', class {});
    vi.stubGlobal('navigator', {});
    expect(sharedSocket()).toBe(Global);
    vi.stubGlobal('navigator', { locks: {} });
    expect(sharedSocket()).not.toBe(Global);
    vi.unstubAllGlobals();
  });
});
