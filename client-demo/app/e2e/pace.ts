/** How smoothly a page paints, and how much of what is missing is the machine's doing: it may be slow, and busy with other things. */
import type { Page } from 'playwright-core';
import { median, percentile } from './browser';

/** Milliseconds, of the frames that were painted meanwhile. */
export interface Pace {
  /** Between two frames. */
  readonly frames: readonly number[];
  /** What the page's main thread computed for a frame, on the average. */
  readonly work: number;
  /** What that thread had to do for a frame but did not come to, because others had the processor: on the average. */
  readonly held: number;
}

/** @param paint paints frames in the page and gives the times between them */
export async function paceOf(page: Page, paint: () => Promise<number[]>): Promise<Pace> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'timeTicks' });
  const spent = async (): Promise<{ busy: number; computing: number }> => {
    const { metrics } = await session.send('Performance.getMetrics');
    const milliseconds = (wanted: string): number => 1_000 * (metrics.find(({ name }) => name === wanted)?.value ?? Number.NaN);
    return { busy: milliseconds('TaskDuration'), computing: milliseconds('ThreadTime') };
  };
  const before = await spent();
  const frames = await paint();
  const after = await spent();
  await session.detach();
  const work = (after.computing - before.computing) / frames.length;
  const held = Math.max(0, (after.busy - before.busy) / frames.length - work);
  return { frames, work, held };
}

/** Runs in a page: the times between so many frames, in milliseconds. */
export function frameTimes(count: number): Promise<number[]> {
  return new Promise((done) => {
    const times: number[] = [];
    let last: number | undefined;
    const step = (now: number): void => {
      if (last !== undefined) times.push(now - last);
      last = now;
      if (times.length === count) done(times);
      else requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  });
}

/**
 * How long a frame may take, in milliseconds, when on a machine of the usual speed with nothing else to do it might take `free`.
 * @param slower how many times slower this machine is
 * @param still the pace of the same page while nothing moves
 */
export function limit(free: number, slower: number, moving: Pace, still: Pace): number {
  return Math.max(free * slower, median(still.frames) * 1.2) + moving.held;
}

export const said = ({ frames, work, held }: Pace): string =>
  `median ${median(frames).toFixed(1)} ms a frame, p99 ${percentile(frames, 0.99).toFixed(1)}; of it ${work.toFixed(1)} of its own work and ${held.toFixed(1)} without the processor`;

/** What `exert` takes the main thread of a page on a machine of the usual speed, in milliseconds. */
const USUAL_MS = 45;

/** How many times slower than usual this machine is for a page: at least 1. */
export async function slownessOf(page: Page): Promise<number> {
  const { work } = await paceOf(page, async () => [await page.evaluate(exert)]);
  return Math.max(1, work / USUAL_MS);
}

/** Runs in a page: always the same, some of it arithmetic and some of it painting. Gives how long it took. */
function exert(): number {
  const start = performance.now();
  const paper = Object.assign(document.createElement('canvas'), { width: 800, height: 600 }).getContext('2d');
  let x = 1;
  for (let i = 0; i < 4_000; i++) {
    for (let k = 0; k < 500; k++) x = (x * 16_807) % 2_147_483_647;
    paper?.strokeRect(x % 700, x % 500, 90, 60);
  }
  paper?.getImageData(0, 0, 1, 1);
  return performance.now() - start;
}
