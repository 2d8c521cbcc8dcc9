import { describe, expect, it } from 'vitest';
import { backoff, slowBackoff } from '../src/backoff.js';
import { CLOSE_RULES, closeRule } from '../src/close.js';
import { Connection, type ConnectionEffect, type ConnectionInput } from '../src/connection.js';
import { CanvasError } from '../src/errors.js';

const names = (effects: readonly ConnectionEffect[]): string[] => effects.map((effect) => effect.do);

/** A machine with a clock of its own. */
function machine({ hasToken = false, random = 0.5 } = {}) {
  const connection = new Connection({ random: () => random, hasToken });
  const world = {
    connection,
    now: 1_000_000,
    on: (input: ConnectionInput) => names(connection.on(world.now, input)),
    full: (input: ConnectionInput) => connection.on(world.now, input),
    /** Lets time pass up to the deadline. */
    wait: () => {
      const { deadline } = connection;
      if (deadline === undefined) throw new Error('the machine waits for nothing');
      world.now = Math.max(world.now, deadline);
      return world.on({ on: 'timer' });
    },
    online: () => {
      world.on({ on: 'connect' });
      if (hasToken) world.on({ on: 'token' });
      world.on({ on: 'opened' });
      world.on({ on: 'welcome', heartbeatMs: 10_000 });
      expect(connection.state.name).toBe('online');
    },
  };
  return world;
}

describe('back-off', () => {
  it('is random below a bound that doubles from 0.25 s to 10 s', () => {
    expect([0, 1, 2, 3, 4, 5, 6, 100].map((failures) => backoff(failures, 0.999_999))).toEqual(
      [250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000].map((bound) => expect.closeTo(bound, 0)),
    );
    expect(backoff(5, 0)).toBe(0);
    expect(slowBackoff(0)).toBe(10_000);
  });
});

describe('connecting', () => {
  it('opens, greets, goes online', () => {
    const m = machine();
    expect(m.on({ on: 'connect' })).toEqual(['open']);
    expect(m.on({ on: 'connect' })).toEqual([]);
    expect(m.on({ on: 'opened' })).toEqual(['hello']);
    expect(m.on({ on: 'welcome', heartbeatMs: 10_000 })).toEqual([]);
    expect(m.connection.state).toMatchObject({ name: 'online', since: m.now });
  });

  it('gets a token before every attempt', () => {
    const m = machine({ hasToken: true });
    expect(m.on({ on: 'connect' })).toEqual(['fetch_token']);
    expect(m.on({ on: 'token' })).toEqual(['open']);
    m.on({ on: 'opened' });
    expect(m.on({ on: 'closed', code: 1006, reason: '' })).toEqual(['drop', 'lost', 'report']);
    expect(m.wait()).toEqual(['fetch_token']);
  });

  it('a failed or missing token backs off, and never stalls', () => {
    const m = machine({ hasToken: true });
    m.on({ on: 'connect' });
    expect(m.full({ on: 'token_failed', cause: new Error('401') }).at(-1)).toMatchObject({ error: { code: 'token_failed', retry: true } });
    expect(m.wait()).toEqual(['fetch_token']);
    expect(m.wait()).toEqual(['drop', 'lost', 'report']); // nobody answered
    expect(m.connection.state.name).toBe('waiting');
  });

  it('a socket that does not open, or a server that does not answer, is a failure', () => {
    const m = machine();
    m.on({ on: 'connect' });
    expect(m.wait()).toEqual(['drop', 'lost', 'report']);
    m.wait();
    m.on({ on: 'opened' });
    expect(m.wait()).toEqual(['drop', 'lost', 'report']);
  });

  it('waits longer at each failure, and starts again after a session that lasted', () => {
    const m = machine({ random: 0.999_999 });
    const waits: number[] = [];
    m.on({ on: 'connect' });
    for (let i = 0; i < 8; i += 1) {
      m.on({ on: 'closed', code: 1006, reason: '' });
      waits.push(Math.round((m.connection.deadline ?? 0) - m.now));
      m.wait();
    }
    expect(waits).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
    m.on({ on: 'opened' });
    m.on({ on: 'welcome', heartbeatMs: 10_000 });
    m.now += 1_000; // a session that fell at once proves nothing
    m.on({ on: 'closed', code: 1006, reason: '' });
    expect((m.connection.deadline ?? 0) - m.now).toBeGreaterThan(9_000);
    m.wait();
    m.on({ on: 'opened' });
    m.on({ on: 'welcome', heartbeatMs: 10_000 });
    m.now += 10_000;
    m.on({ on: 'closed', code: 1006, reason: '' });
    expect((m.connection.deadline ?? 0) - m.now).toBeLessThan(251);
  });
});

describe('close codes', () => {
  it.each([...CLOSE_RULES].map(([code, rule]) => ({ code, ...rule })))('$code $name', ({ code, action, client }) => {
    const m = machine({ hasToken: true });
    m.online();
    const effects = m.on({ on: 'closed', code, reason: '' });
    expect(effects.includes('newClientId')).toBe(client === 'new');
    const closes = action === 'done' || (action === 'never' && client !== 'new');
    expect(m.connection.state.name).toBe(closes ? 'closed' : 'waiting');
    if (closes) {
      expect(m.connection.deadline).toBeUndefined();
      expect(m.on({ on: 'connect' })).toEqual([]);
      expect(m.on({ on: 'network', online: true })).toEqual([]);
    } else {
      const wait = (m.connection.deadline ?? 0) - m.now;
      expect(wait >= 10_000).toBe(action === 'retry_slowly');
      expect(m.wait()).toEqual(['fetch_token']);
    }
  });

  it('any other code means retry', () => {
    expect(closeRule(4999)).toMatchObject({ action: 'retry', client: 'keep' });
    expect(closeRule(1006)).toMatchObject({ action: 'retry', client: 'keep' });
  });

  it('without a way to get a token, 4401 is final', () => {
    const m = machine();
    m.online();
    const effects = m.full({ on: 'closed', code: 4401, reason: 'expired' });
    expect(effects.at(-1)).toMatchObject({ error: { code: 'unauthenticated', retry: false } });
    expect(m.connection.state.name).toBe('closed');
  });

  it('tells the reason that the server gave', () => {
    const m = machine();
    m.online();
    expect(m.full({ on: 'closed', code: 4404, reason: 'bad project' }).at(-1)).toMatchObject({
      do: 'report',
      error: expect.objectContaining({ code: 'bad_project', message: 'the project id is not valid (bad project)' }),
    });
  });
});

describe('heartbeat', () => {
  it('asks after silence, and gives up when nothing comes back within 5 s', () => {
    const m = machine();
    m.online();
    expect(m.connection.deadline).toBe(m.now + 10_000);
    expect(m.wait()).toEqual(['ping']);
    expect(m.connection.deadline).toBe(m.now + 5_000);
    expect(m.wait()).toEqual(['drop', 'lost', 'report']);
    expect(m.connection.state.name).toBe('waiting');
  });

  it('anything that is heard will do', () => {
    const m = machine();
    m.online();
    m.wait();
    m.now += 4_999;
    m.on({ on: 'heard' });
    expect(m.connection.deadline).toBe(m.now + 10_000);
  });

  it('after a sleep it asks again instead of giving up: the answer may wait behind the timer', () => {
    const m = machine();
    m.online();
    m.wait();
    m.now += 60_000;
    expect(m.on({ on: 'timer' })).toEqual(['ping']);
    expect(m.connection.state.name).toBe('online');
    expect(m.wait()).toEqual(['drop', 'lost', 'report']);
  });

  it('asks when the page becomes visible or the network goes away, once', () => {
    const m = machine();
    m.online();
    expect(m.on({ on: 'visible' })).toEqual([]); // heard just now
    m.now += 6_000;
    expect(m.on({ on: 'visible' })).toEqual(['ping']);
    expect(m.on({ on: 'network', online: false })).toEqual([]);
    m.on({ on: 'heard' });
    expect(m.on({ on: 'network', online: false })).toEqual(['ping']);
  });
});

describe('hints', () => {
  it('a waiting machine connects soon when the network or the user comes back', () => {
    for (const input of [{ on: 'network', online: true }, { on: 'visible' }] as const) {
      const m = machine();
      m.on({ on: 'connect' });
      for (let i = 0; i < 6; i += 1) {
        m.on({ on: 'closed', code: 1006, reason: '' });
        if (i < 5) m.wait();
      }
      expect(m.connection.deadline).toBe(m.now + 4_000);
      expect(m.on(input)).toEqual([]);
      expect(m.connection.deadline).toBe(m.now + 125);
      expect(m.wait()).toEqual(['open']);
    }
  });

  it('but not sooner than the server has asked for', () => {
    for (const code of [4413, 1012]) {
      const m = machine();
      m.online();
      if (code === 1012) m.on({ on: 'goaway', reconnectMs: [20_000, 20_000] });
      m.on({ on: 'closed', code, reason: '' });
      const { deadline } = m.connection;
      m.on({ on: 'network', online: true });
      expect(m.connection.deadline).toBe(deadline);
      expect(m.on({ on: 'connect' })).toEqual(['open']); // the application may
    }
  });

  it('goaway: leaves at a random time in the range by itself', () => {
    const m = machine({ random: 0.5 });
    m.online();
    m.on({ on: 'goaway', reconnectMs: [1_000, 3_000] });
    expect(m.connection.deadline).toBe(m.now + 2_000);
    expect(m.wait()).toEqual(['drop', 'lost', 'open']);
  });

  it('goaway: a close before that time is followed by the rest of the wait', () => {
    const m = machine({ random: 0.5 });
    m.online();
    m.on({ on: 'goaway', reconnectMs: [1_000, 3_000] });
    const due = m.now + 2_000;
    m.now += 500;
    m.on({ on: 'closed', code: 1012, reason: 'restart' });
    expect(m.connection.deadline).toBe(due);
  });

  it('a server error reconnects, a lost history also takes a new client id', () => {
    const error = new CanvasError('server_error', 'x', { retry: true });
    const m = machine();
    m.online();
    expect(m.on({ on: 'violation', error })).toEqual(['drop', 'lost', 'report']);
    m.wait();
    expect(m.on({ on: 'renew', error })).toEqual(['drop', 'lost', 'report', 'newClientId']);
    expect(m.on({ on: 'renew', error })).toEqual([]); // an echo of the dropped socket
  });

  it('disconnect stays offline until connect, close for ever', () => {
    const m = machine();
    m.online();
    expect(m.on({ on: 'disconnect' })).toEqual(['drop', 'lost']);
    expect(m.connection.deadline).toBeUndefined();
    expect(m.on({ on: 'network', online: true })).toEqual([]);
    expect(m.on({ on: 'connect' })).toEqual(['open']);
    expect(m.on({ on: 'close' })).toEqual(['drop', 'lost']);
    expect(m.on({ on: 'connect' })).toEqual([]);
  });
});
