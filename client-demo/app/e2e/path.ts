/** The way of a pointer, as its own page and as another page shows it, and how far the one is behind the other. */

/** Milliseconds since 1970, and pixels from the left of the page. */
export interface Sample {
  readonly t: number;
  readonly x: number;
}

export type Whose = 'own' | 'other';

/** Where the pointer counts as arrived, in pixels. */
const END = 1_299;

/** Runs in a page: our own pointer's events, or where the first other cursor is painted, until it is at the end. */
export function pathOf(whose: Whose): Promise<Sample[]> {
  const samples: Sample[] = [];
  const end = 1_299;
  return new Promise((done) => {
    if (whose === 'own') {
      const moved = ({ timeStamp, clientX }: PointerEvent): void => {
        samples.push({ t: performance.timeOrigin + timeStamp, x: clientX });
        if (clientX < end) return;
        removeEventListener('pointermove', moved);
        done(samples);
      };
      addEventListener('pointermove', moved);
      return;
    }
    const { canvas, camera } = window.__board ?? {};
    const [session] = canvas?.presence.others.keys() ?? [];
    const step = (t: number): void => {
      const place = session === undefined ? undefined : canvas?.presence.cursor(session);
      const x = place && camera?.toScreen({ x: place.x, y: 0 }).x;
      if (x !== undefined) samples.push({ t: performance.timeOrigin + t, x });
      if (x !== undefined && x >= end) done(samples);
      else requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  });
}

/** Runs in a page: whether the first other cursor is painted where a pointer's way begins, 200 pixels from the left. */
export function isAtStart(): boolean {
  const { canvas, camera } = window.__board ?? {};
  const [session] = canvas?.presence.others.keys() ?? [];
  const place = session === undefined ? undefined : canvas?.presence.cursor(session);
  return place !== undefined && camera !== undefined && Math.abs(camera.toScreen({ x: place.x, y: 0 }).x - 200) < 1;
}

/** For each frame that shows the pointer on its way: how long ago it was there, in milliseconds. */
export function lags(moved: readonly Sample[], shown: readonly Sample[]): number[] {
  const first = moved[0];
  if (first === undefined) return [];
  return shown
    .filter(({ x }) => x > first.x && x < END)
    .flatMap(({ t, x }) => {
      const next = moved.findIndex((at) => at.x >= x);
      const [from, to] = [moved[next - 1], moved[next]];
      if (!from || !to || to.x === from.x || to.x >= END) return [];
      return [t - (from.t + ((to.t - from.t) * (x - from.x)) / (to.x - from.x))];
    });
}

/** Runs in a page: how long it takes to ask the server for something small, again and again for so long; in milliseconds. */
export async function roundTrips(lasts: number): Promise<number[]> {
  const [times, end]: [number[], number] = [[], performance.now() + lasts];
  for (let start = performance.now(); start < end; start = performance.now()) {
    await fetch('sw.js', { cache: 'no-store' }).then((answer) => answer.text());
    times.push(performance.now() - start);
    await new Promise(requestAnimationFrame);
  }
  return times;
}

/** How much longer than usual the way to the server took at worst, in milliseconds: what was on it then came late. */
export const delay = (trips: readonly number[]): number => spread(trips, 0.5, 1).to - spread(trips, 0.5, 1).from;

/** The values at two parts of the way from the least to the greatest. */
export function spread(values: readonly number[], from: number, to: number): { from: number; to: number } {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
  return { from: at(from), to: at(to) };
}

/** How much longer than two frames of a 60 Hz screen a page that is busy waits between two samples, in milliseconds: 5 % wait longer still. */
export function slowness(samples: readonly Sample[]): number {
  const gaps = samples.slice(1).map(({ t }, i) => t - (samples[i]?.t ?? t));
  return Math.max(0, spread(gaps, 0, 0.95).to - 34);
}
