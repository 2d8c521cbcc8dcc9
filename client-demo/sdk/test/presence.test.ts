import { describe, expect, it } from 'vitest';
import { CursorTrack } from '../src/cursor.js';
import { Presence } from '../src/presence.js';
import type { PresenceEntry } from '../src/protocol.js';
import { Random } from './random.js';

const who = { author: 'author-ana1', user: 'ana', role: 'editor' as const };
const hear = (presence: Presence, now: number, full: boolean, ...sessions: PresenceEntry[]): void =>
  presence.receive({ t: 'presence', ...(full && { full }), sessions }, now);

describe('our own presence', () => {
  it('collects changes into one update; null and undefined remove', () => {
    const presence = new Presence({ name: 'Ana' });
    presence.set({ cursor: [1, 2], color: 'red' }, 2_048);
    presence.set({ cursor: [3, 4], color: undefined }, 2_048);
    expect(presence.self).toEqual({ name: 'Ana', cursor: [3, 4] });
    expect(presence.takeUpdate()).toEqual({ name: 'Ana', cursor: [3, 4], color: null });
    expect(presence.hasUpdate).toBe(false);
  });

  it('has a limit, and beyond it nothing changes', () => {
    const presence = new Presence({ name: 'Ana' });
    expect(() => presence.set({ name: 'Ben', data: 'x'.repeat(2_048) }, 2_048)).toThrow(expect.objectContaining({ code: 'presence_too_large' }));
    expect(() => presence.set({ data: new Date() as never }, 2_048)).toThrow(expect.objectContaining({ code: 'invalid_value' }));
    expect(presence.self).toEqual({ name: 'Ana' });
  });

  it('what is the same is no change', () => {
    const presence = new Presence({ cursor: [1, 2] });
    presence.greeted();
    presence.set({ cursor: [1, 2], selection: null }, 2_048);
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
      { session: 8, ...who, presence: { name: 'Ana', selection: ['a'] }, isSelf: false },
    ]);
    hear(presence, 0, false, [8, { selection: null, color: 'red' }]);
    expect(presence.others.get(8)).toMatchObject({ user: 'ana', presence: { name: 'Ana', color: 'red' } });
    hear(presence, 0, false, [8, null]);
    expect(presence.others.size).toBe(0);
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
    expect(JSON.stringify(track).length).toBeLessThan(2_000);
  });
});
