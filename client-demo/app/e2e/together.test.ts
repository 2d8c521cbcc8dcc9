import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { converged, drag, leave, median, objectsOf } from './browser';
import { seesCursors } from './eyes';
import { roundTrips } from './path';
import { stage } from './stage';

const here = stage();

/** Notes when each object first shows: in the changed state, and in the frame painted after it. */
async function noteArrivals(page: Page): Promise<void> {
  await page.evaluate(() => {
    const now = (): number => performance.timeOrigin + performance.now();
    const arrivals: Record<string, { heard: number; painted: number }> = {};
    Object.assign(window, { __arrivals: arrivals });
    const { canvas } = window.__board ?? {};
    canvas?.on('change', ({ ids }) => {
      const heard = now();
      for (const id of ids === 'all' ? [] : ids) {
        if (arrivals[id] || !canvas.get(id)) continue;
        const arrival = { heard, painted: 0 };
        arrivals[id] = arrival;
        requestAnimationFrame(() => setTimeout(() => (arrival.painted = now())));
      }
    });
  });
}

type Arrivals = Record<string, { heard: number; painted: number }>;
const arrivalsAt = (page: Page): Promise<Arrivals> =>
  page.evaluate(() => (window as unknown as { __arrivals: Arrivals }).__arrivals);

describe('two tabs on one board', () => {
  it('see within 100 ms what the other draws', async () => {
    const [a, b] = await here.two();
    await Promise.all([noteArrivals(a), noteArrivals(b)]);
    const draws = 24;
    const trips = b.evaluate(roundTrips, 2_000);
    for (let i = 0; i < draws; i++) {
      await a.keyboard.press('r');
      const x = 260 + (i % 8) * 120;
      const y = 120 + Math.floor(i / 8) * 160;
      await drag(a, [x, y], [x + 90, y + 100], 4);
    }
    await b.waitForFunction((n) => {
      const { __arrivals } = window as unknown as { __arrivals: Arrivals };
      return Object.values(__arrivals).filter(({ painted }) => painted > 0).length === n;
    }, draws);
    const [drawn, seen] = [await arrivalsAt(a), await arrivalsAt(b)];
    const delays = (moment: 'heard' | 'painted'): number[] =>
      Object.entries(drawn).map(([id, { heard }]) => (seen[id]?.[moment] ?? Infinity) - heard);
    for (const moment of ['heard', 'painted'] as const) {
      const list = delays(moment);
      console.log(`drawn to ${moment}: median ${median(list).toFixed(1)} ms, max ${Math.max(...list).toFixed(1)} ms, ${list.length} draws`);
    }
    expect(delays('painted')).toHaveLength(draws);
    const trip = median(await trips);
    console.log(`to the server and back: median ${trip.toFixed(1)} ms`);
    expect(median(delays('painted'))).toBeLessThan(100 + 2 * trip);
    await converged(a, b);
    await leave(a, b);
  });

  it('show the other cursor gliding, without a stall or a step back', async () => {
    const [a, b] = await here.two();
    await a.mouse.move(200, 450);
    await seesCursors(b, 1);
    const sampled = b.evaluate(sampleCursor);
    // The pointer goes along for two seconds, paced by the frames of its own page.
    const steps = [Date.now()];
    for (let elapsed = 0; elapsed < 2000; elapsed = (steps.at(-1) ?? 0) - (steps[0] ?? 0)) {
      await a.mouse.move(200 + elapsed * 0.5, 450 + Math.sin(elapsed / 300) * 100);
      await a.evaluate(() => new Promise(requestAnimationFrame));
      steps.push(Date.now());
    }
    await a.mouse.move(1250, 450);
    const samples = await sampled;
    const moves = samples.filter(({ x }, i) => i === 0 || x !== samples[i - 1]?.x);
    const rests = gaps(moves.map(({ t }) => t));
    const longest = rests.reduce((one, other) => (other.lasts > one.lasts ? other : one));
    console.log(`remote cursor: ${samples.length} frames, ${moves.length} positions, longest rest ${longest.lasts.toFixed(0)} ms, median ${median(rests.map(({ lasts }) => lasts)).toFixed(1)} ms`);
    // A machine that is busy stops the pages themselves now and then: the cursor rests when its pointer does, and when nothing is painted.
    const stoodStill = (times: number[], from: number, to: number): number =>
      Math.max(0, ...gaps(times).filter((gap) => gap.from <= to && gap.from + gap.lasts >= from).map(({ lasts }) => lasts));
    for (const { from, lasts } of rests) {
      const pages = stoodStill(steps, from - 500, from + lasts) + stoodStill(samples.map(({ t }) => t), from, from + lasts);
      expect(lasts, `a rest while the pages stood still for ${pages.toFixed(0)} ms`).toBeLessThan(100 + pages);
    }
    expect(moves.length).toBeGreaterThan(60);
    moves.slice(1).forEach(({ x }, i) => expect(x).toBeGreaterThanOrEqual((moves[i]?.x ?? 0) - 0.01));
    await leave(a, b);
  });

  it('undo takes back only what was drawn here', async () => {
    const [a, b] = await here.two();
    await a.keyboard.press('r');
    await drag(a, [300, 200], [420, 300]);
    await b.keyboard.press('o');
    await drag(b, [600, 200], [720, 300]);
    await converged(a, b);
    await a.keyboard.press('n');
    await a.mouse.click(500, 500);
    await a.keyboard.type('mine');
    await a.keyboard.press('Escape');
    await b.waitForFunction(() => [...(window.__board?.canvas.objects.values() ?? [])].some(({ props }) => props['text'] === 'mine'));
    const typesAt = async (page: Page): Promise<unknown[]> => (await objectsOf(page)).map(({ type }) => type).sort();
    await b.keyboard.press('Control+z');
    await converged(a, b);
    expect(await typesAt(a)).toEqual(['note', 'rect']);
    for (let i = 0; i < 3; i++) await a.keyboard.press('Control+z');
    await b.keyboard.press('Control+Shift+z');
    await a.waitForFunction(() => window.__board?.canvas.objects.size === 1);
    await converged(a, b);
    expect(await typesAt(a)).toEqual(['ellipse']);
    await leave(a, b);
  });
});

/** The times between neighbours of ascending `times`, milliseconds. */
function gaps(times: number[]): { from: number; lasts: number }[] {
  return times.slice(1).map((t, i) => ({ from: times[i] ?? t, lasts: t - (times[i] ?? t) }));
}

/** Where the first other cursor is, frame by frame, from its first movement until it is at its end; times in milliseconds since 1970. */
function sampleCursor(): Promise<{ t: number; x: number }[]> {
  const presence = window.__board?.canvas.presence;
  const [session] = [...(presence?.others.keys() ?? [])];
  const samples: { t: number; x: number }[] = [];
  const END = 1249;
  return new Promise((done) => {
    let start: number | undefined;
    const step = (t: number): void => {
      const canvasX = session === undefined ? undefined : presence?.cursor(session)?.x;
      const camera = window.__board?.camera;
      const x = canvasX === undefined || !camera ? undefined : camera.toScreen({ x: canvasX, y: 0 }).x;
      start ??= x;
      if (x !== undefined && x !== start) samples.push({ t: performance.timeOrigin + t, x });
      if (x !== undefined && x >= END) done(samples);
      else requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  });
}
