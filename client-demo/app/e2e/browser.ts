import { existsSync } from 'node:fs';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { expect } from 'vitest';
import type { BoardHook } from '../src/test-hook';

declare global {
  interface Window {
    __board?: BoardHook;
  }
}

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export const DESKTOP: BrowserContextOptions = { viewport: { width: 1440, height: 900 } };
export const PHONE: BrowserContextOptions = {
  viewport: { width: 390, height: 844 },
  deviceScaleFactor: 2,
  hasTouch: true,
  isMobile: true,
};

export function launch(): Promise<Browser> {
  const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
  if (!existsSync(executablePath)) throw new Error(`no browser at ${executablePath}; say where with CHROMIUM`);
  return chromium.launch({ executablePath, args: FLAGS });
}

let projects = 0;

export const newProject = (): string => `e2e-${process.pid}-${(projects += 1)}`;

/** What is done to a page before it opens. */
export type Prepare = (page: Page) => Promise<unknown>;

/** A person at the board: a browser context of its own, so that names and tabs are not shared. */
export async function visit(browser: Browser, url: string, project: string, options = DESKTOP, prepare?: Prepare): Promise<Page> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  await prepare?.(page);
  const errors: Error[] = [];
  page.on('pageerror', (error) => errors.push(error));
  page.on('close', () => {
    if (errors[0]) throw errors[0];
  });
  await page.goto(`${url}/?project=${project}&test=1`);
  await synced(page);
  return page;
}

export async function leave(...pages: Page[]): Promise<void> {
  await Promise.all(pages.map((page) => page.context().close()));
}

/** As when the browser is killed, or has no memory left: no event, no goodbye. What is left of the page can only be closed. */
export async function crash(page: Page): Promise<void> {
  const gone = page.waitForEvent('crash');
  // Another tab of the same process may have taken it along before it is told to.
  const session = await page.context().newCDPSession(page).catch(() => undefined);
  void session?.send('Page.crash').catch(() => undefined);
  await gone;
}

/** Online, with the whole board; it has chosen its view, and from now on only the user moves that. */
export const synced = (page: Page): Promise<unknown> =>
  page.waitForFunction(() => {
    const isReady = performance.getEntriesByName('board:synced').length > 0;
    return isReady && window.__board?.canvas.status.synced && window.__board.canvas.status.connection === 'online';
  });

export const saved = (page: Page): Promise<unknown> =>
  page.waitForFunction(() => {
    const status = window.__board?.canvas.status;
    return status?.connection === 'online' && status.synced && status.unsaved === 0;
  });

/** Two frames: what was asked for before is on the screen. */
export const painted = (page: Page): Promise<unknown> =>
  page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));

/** All objects in one comparable text. */
export const contents = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const objects = [...(window.__board?.canvas.objects.values() ?? [])];
    const sorted = (props: object): [string, unknown][] => Object.entries(props).sort(([a], [b]) => (a < b ? -1 : 1));
    return objects
      .map(({ id, props }) => JSON.stringify([id, sorted(props)]))
      .sort()
      .join('\n');
  });

/** How long pages may differ, in milliseconds. */
const DIFFER_MS = 30_000;

/** Waits until all pages hold the same objects, and gives them; what differs, when that takes too long. */
export async function converged(...pages: Page[]): Promise<string> {
  const end = Date.now() + DIFFER_MS;
  for (;;) {
    const [first = '', ...others] = await Promise.all(pages.map(contents));
    const different = others.find((text) => text !== first);
    if (different === undefined) return first;
    if (Date.now() > end) expect(different, 'pages that hold the same').toBe(first);
    await Promise.all(pages.map(painted));
  }
}

export async function drag(page: Page, from: [number, number], to: [number, number], steps = 8): Promise<void> {
  await page.mouse.move(...from);
  await page.mouse.down();
  await page.mouse.move(...to, { steps });
  await page.mouse.up();
}

export interface Seen {
  readonly id: string;
  readonly type: unknown;
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
  readonly rotation: number;
  readonly text: unknown;
}

/** The objects back to front, as plain values. */
export const objectsOf = (page: Page): Promise<Seen[]> =>
  page.evaluate(() =>
    (window.__board?.canvas.ordered() ?? []).map(({ id, props }) => ({
      id,
      type: props['type'],
      x: Number(props['x']),
      y: Number(props['y']),
      w: Number(props['w']),
      h: Number(props['h']),
      rotation: Number(props['rotation']),
      text: props['text'],
    })),
  );

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
