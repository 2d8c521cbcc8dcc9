import { describe, expect, it } from 'vitest';
import { CursorTrack, MAX_STEPS, wayOf } from '../src/cursor.js';
import { Presence } from '../src/presence.js';
import type { PresenceEntry } from '../src/protocol.js';
import { Random } from './random.js';

const who = { author: 'author-ana1', user: 'ana', role: 'editor' as const };
const hear = (presence: Presence, now: number, full: boolean, ...sessions: PresenceEntry[]): void =>
  presence.receive({ t: 'presence', ...(full && { full }), sessions }, now);

describe('our own presence', () => {
  it('collects changes into one update; null and undefined remove', () => {
    const presence = new Presence({ name: 'Ana' });
    presence.set({ cursor: [1, 2], color: 'red' }, 2_048, 0);
    presence.set({ cursor: [3, 4], color: undefined }, 2_048, 0);
    expect(presence.self).toEqual({ name: 'Ana', cursor: [3, 4] });
    expect(presence.takeUpdate()).toEqual({ name: 'Ana', cursor: [3, 4, 0], color: null });
    expect(presence.hasUpdate).toBe(false);
  });

  it('has a limit, and beyond it nothing changes', () => {
    const presence = new Presence({ name: 'Ana' });
    expect(() => presence.set({ name: 'Ben', data: 'x'.repeat(2_048) }, 2_048, 0)).toThrow(expect.objectContaining({ code: 'presence_too_large' }));
    expect(() => presence.set({ data: new Date() as never }, 2_048, 0)).toThrow(expect.objectContaining({ code: 'invalid_value' }));
    expect(presence.self).toEqual({ name: 'Ana' });
  });

  it('what is the same is no change', () => {
    const presence = new Presence({ cursor: [1, 2] });
    presence.takeUpdate();
    presence.set({ cursor: [1, 2], selection: null }, 2_048, 0);
    expect(presence.hasUpdate).toBe(false);
  });

  it('does not share values with the application', () => {
    const cursor = [1, 2];
    const presence = new Presence({ cursor });
    cursor[0] = 9;
    expect(presence.self).toEqual({ cursor: [1, 2] });
  });
});

describe('others', () => {
  it('come, change, leave', () => {
    const presence = new Presence();
    presence.welcome(7);
    hear(presence, 0, true, [7, { name: 'me' }, who], [8, { name: 'Ana', selection: ['a'] }, who]);
    expect([...presence.others.values()]).toEqual([
      { session: 8, ...who, presence: { name: 'Ana', selection: ['a'] }, isSelf: false, attendance: 'active' },
    ]);
    hear(presence, 0, false, [8, { selection: null, color: 'red' }]);
    expect(presence.others.get(8)).toMatchObject({ user: 'ana', presence: { name: 'Ana', color: 'red' } });
    hear(presence, 1_000, false, [8, null]);
    expect(presence.others.get(8)).toMatchObject({ user: 'ana', attendance: 'offline' });
    expect(presence.nextGone).toBe(6_000);
    presence.expire(5_999);
    expect(presence.others.size).toBe(1);
    presence.expire(6_000);
    expect([presence.others.size, presence.nextGone]).toEqual([0, undefined]);
  });

  it('are back by another session without having been gone', () => {
    const presence = new Presence();
    hear(presence, 0, false, [8, { name: 'Ana' }, who]);
    hear(presence, 1_000, false, [8, null]);
    hear(presence, 2_000, false, [9, { name: 'Ana' }, who]);
    expect([...presence.others.values()]).toMatchObject([{ session: 9, attendance: 'active' }]);
    expect(presence.nextGone).toBeUndefined();
  });

  it('tell whether they are at work', () => {
    const presence = new Presence();
    for (const status of ['idle', 'away', 'active', 'dancing']) {
      hear(presence, 0, false, [8, { status }, who]);
      expect(presence.others.get(8)?.attendance).toBe(status === 'dancing' ? 'active' : status);
    }
  });

  it('a full list forgets everybody else, and replaces fields', () => {
    const presence = new Presence();
    presence.welcome(7);
    hear(presence, 0, false, [8, { a: 1 }, who], [9, {}, who]);
    hear(presence, 0, true, [8, { b: 2 }, who]);
    expect([...presence.others.keys()]).toEqual([8]);
    expect(presence.others.get(8)?.presence).toEqual({ b: 2 });
  });

  it('our own former session is not one of the others', () => {
    const presence = new Presence();
    presence.welcome(7);
    hear(presence, 0, false, [9, {}, who]);
    presence.welcome(9);
    expect(presence.others.size).toBe(0);
  });

  it('a cursor that is taken away is gone', () => {
    const presence = new Presence();
    hear(presence, 0, false, [8, { cursor: [1, 2] }, who]);
    expect(presence.cursor(8, 500)).toEqual({ x: 1, y: 2 });
    hear(presence, 10, false, [8, { cursor: null }]);
    expect(presence.cursor(8, 500)).toBeUndefined();
    hear(presence, 20, false, [8, { cursor: 'nonsense' }]);
    expect(presence.cursor(8, 500)).toBeUndefined();
  });
});

describe('a way', () => {
  it('goes with the next update: the latest point, when, and the steps back', () => {
    const presence = new Presence();
    presence.set({ cursor: [0, 0] }, 2_048, 1_000);
    presence.set({ cursor: [1.5, 0.25] }, 2_048, 1_008);
    presence.set({ cursor: [3, -1] }, 2_048, 1_020);
    const { cursor } = presence.takeUpdate();
    expect(cursor).toEqual([3, -1, 1_020, 12, 12, -10, 8, 12, 2]);
    expect(wayOf(cursor as number[])).toEqual({ at: { x: 3, y: -1 }, way: [{ t: 1_000, x: 0, y: 0 }, { t: 1_008, x: 1.5, y: 0.25 }, { t: 1_020, x: 3, y: -1 }] });
    presence.set({ cursor: [4, 4] }, 2_048, 1_040);
    expect(presence.takeUpdate()).toEqual({ cursor: [4, 4, 1_040] });
  });

  it('is bounded, and what is no way is a place or nothing', () => {
    const presence = new Presence();
    for (let i = 0; i < 100; i += 1) presence.set({ cursor: [i, 0] }, 2_048, i);
    expect(presence.takeUpdate()['cursor']).toHaveLength(3 + 3 * MAX_STEPS);
    expect(wayOf([1, 2])).toEqual({ at: { x: 1, y: 2 } });
    expect(wayOf([1, 2, 3, 4])).toEqual({ at: { x: 1, y: 2 } });
    expect(wayOf([1, 2, 'then'])).toEqual({ at: { x: 1, y: 2 } });
    expect(wayOf(['here'])).toBeUndefined();
  });

  it('shows applications where the cursor is, not how it came there', () => {
    const presence = new Presence();
    hear(presence, 0, false, [8, { cursor: [3, -1, 1_020, 12, 12, -10] }, who]);
    expect(presence.others.get(8)?.presence).toEqual({ cursor: [3, -1] });
  });

  for (const [name, everyMs, delayMs, jitterMs] of [['60 Hz', 16, 5, 12], ['10 Hz', 100, 30, 40], ['2.5 Hz', 400, 80, 80]] as const) {
    it(`is replayed evenly when it is told ${name}, whatever the network does`, () => {
      const random = new Random(everyMs);
      // A hand that moves in a circle, sampled 125 times a second, by a clock that is years off.
      const clock = 5e10;
      const place = (t: number): { x: number; y: number } => ({ x: 200 * Math.cos(t / 300), y: 200 * Math.sin(t / 300) });
      const arrivals: { at: number; way: { t: number; x: number; y: number }[] }[] = [];
      for (let t = 0; t < 8_000; t += everyMs) {
        const way = [];
        for (let s = t - everyMs + 8; s <= t; s += 8) way.push({ t: clock + s, ...place(s) });
        if (way.length === 0) way.push({ t: clock + t, ...place(t) });
        // Over one connection: late, but in order.
        arrivals.push({ at: Math.max(arrivals.at(-1)?.at ?? 0, t + delayMs + random.below(jitterMs)), way });
      }
      const track = new CursorTrack();
      const lags: number[] = [];
      let [next, lag] = [0, 0];
      for (let now = 0; now < 7_500; now += 16) {
        for (; (arrivals[next]?.at ?? Infinity) <= now; next += 1) track.hear(arrivals[next]!.at, arrivals[next]!.way);
        const at = track.at(now);
        if (at === undefined || now < 3_000) continue;
        // How long ago the hand was where the cursor is drawn now.
        const off = (ago: number): number => Math.hypot(place(now - ago).x - at.x, place(now - ago).y - at.y);
        lag = Array.from({ length: 900 }, (_, ago) => ago).reduce((best, ago) => (off(ago) < off(best) ? ago : best), 0);
        expect(off(lag)).toBeLessThan(1); // on the way, not beside it
        lags.push(lag);
      }
      expect(lags.length).toBeGreaterThan(250);
      expect(Math.max(...lags) - Math.min(...lags)).toBeLessThanOrEqual(50);
      expect(Math.max(...lags)).toBeLessThan(everyMs + delayMs + jitterMs + 60);
    });
  }
});

describe('a remote cursor', () => {
  it('is drawn about 100 ms in the past, on the line between the points', () => {
    const track = new CursorTrack();
    for (let i = 0; i <= 10; i += 1) track.move(1_000 + i * 50, i * 10, 0);
    expect(track.at(1_400)).toEqual({ x: 60, y: 0 });
    expect(track.at(1_425)?.x).toBeCloseTo(65);
    expect(track.at(1_600)).toEqual({ x: 100, y: 0 });
    expect(track.at(9_999)).toEqual({ x: 100, y: 0 });
  });

  it('is at its first point before there is a second, and nowhere before the first', () => {
    const track = new CursorTrack();
    expect(track.at(5)).toBeUndefined();
    track.move(1_000, 5, 6);
    expect(track.at(1_000)).toEqual({ x: 5, y: 6 });
  });

  it('rests, and does not creep through the rest when it sets off again', () => {
    const track = new CursorTrack();
    track.move(1_000, 0, 0);
    track.move(6_000, 100, 0);
    expect(track.at(6_000)).toEqual({ x: 0, y: 0 });
    expect(track.at(6_200)).toEqual({ x: 100, y: 0 });
  });

  it('waits longer where points come more rarely, so that it still moves smoothly', () => {
    const track = new CursorTrack();
    for (let i = 0; i < 40; i += 1) track.move(i * 200, i * 100, 0);
    const xs = Array.from({ length: 12 }, (_, i) => track.at(39 * 200 + i * 16)?.x ?? 0);
    const steps = xs.slice(1).map((x, i) => x - (xs[i] as number));
    expect(Math.min(...steps)).toBeGreaterThan(4); // 8 a frame is even motion; 0 would be standing still
    expect(Math.max(...steps)).toBeLessThan(12);
  });

  it('moves smoothly although points arrive unevenly: no frame jumps far or goes backwards', () => {
    const random = new Random(8);
    const track = new CursorTrack();
    const arrivals = Array.from({ length: 60 }, (_, i) => ({ t: 1_000 + i * 33 + random.below(25), x: i * 10 }));
    const xs: number[] = [];
    let next = 0;
    for (let now = 1_000; now < 2_900; now += 16) {
      for (; (arrivals[next]?.t ?? Infinity) <= now; next += 1) track.move(arrivals[next]!.t, arrivals[next]!.x, 0);
      xs.push(track.at(now)?.x ?? 0);
    }
    const steps = xs.slice(1).map((x, i) => x - (xs[i] as number));
    expect(Math.min(...steps)).toBeGreaterThanOrEqual(-0.5);
    expect(Math.max(...steps)).toBeLessThan(25); // even motion: 4.8 a frame
  });

  it('keeps a bounded number of points', () => {
    const track = new CursorTrack();
    for (let i = 0; i < 10_000; i += 1) track.move(i, i, 0);
    expect(JSON.stringify(track).length).toBeLessThan(5_000);
  });
});
