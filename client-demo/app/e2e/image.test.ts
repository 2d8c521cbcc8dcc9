import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DESKTOP, leave, newProject, objectsOf, PHONE, saved } from './browser';
import { choose, copied, count, draw, inkAt, lookAtOrigin } from './eyes';
import { shootBoth } from './shots';
import { stage } from './stage';

const here = stage();
let a: Page;
let b: Page;
let pictures: HttpServer;
let address: string;
/** Each sends a picture that was asked for at /late.png. */
const late: (() => unknown)[] = [];

beforeAll(async () => {
  // A page makes the picture: 120 by 80, all red.
  const page = await here.visit();
  const url = await page.evaluate(() => {
    const paper = Object.assign(document.createElement('canvas'), { width: 120, height: 80 });
    const ctx = paper.getContext('2d');
    if (ctx) ctx.fillStyle = '#c00000';
    ctx?.fillRect(0, 0, 120, 80);
    return paper.toDataURL();
  });
  await leave(page);
  const png = Buffer.from(url.slice(url.indexOf(',') + 1), 'base64');
  pictures = createServer(({ url }, answer) => {
    if (url === '/red.png') answer.writeHead(200, { 'content-type': 'image/png', 'access-control-allow-origin': '*' }).end(png);
    else if (url === '/late.png') late.push(() => answer.writeHead(200, { 'content-type': 'image/png' }).end(png));
    else if (url === '/unreadable.png') answer.writeHead(200, { 'content-type': 'image/png' }).end(png);
    else answer.writeHead(404).end();
  }).listen(0, '127.0.0.1');
  await once(pictures, 'listening');
  address = `http://127.0.0.1:${(pictures.address() as AddressInfo).port}`;
});

afterAll(() => void pictures?.close());

beforeEach(async () => {
  [a, b] = await here.two();
  await lookAtOrigin(a, b);
});

afterEach(() => leave(a, b));

describe('an image', () => {
  it('comes by pasting its address, for others too', async () => {
    await copied(a, `${address}/red.png`);
    await a.keyboard.press('Control+v');
    await count(b, 1);
    expect(await objectsOf(b)).toMatchObject([{ type: 'image', x: 660, y: 410, w: 120, h: 80 }]);
    for (const page of [a, b]) await inkAt(page, 720, 450);
  });

  it('is text when the address is one of a page', async () => {
    await copied(a, `${address}/page`);
    await a.keyboard.press('Control+v');
    await count(b, 1);
    expect(await objectsOf(b)).toMatchObject([{ type: 'text', text: `${address}/page` }]);
  });
});

describe.each([['desktop', DESKTOP], ['phone', PHONE]] as const)('the dialog for an image, on a %s', (name, options) => {
  let page: Page;
  const problem = (): Promise<string | null> => page.textContent('.ask [role="alert"]');

  beforeEach(async () => {
    page = await here.visit(newProject(), options);
    await choose(page, 'Image by its address…');
    await page.waitForSelector('dialog.ask[open]');
  });

  afterEach(() => leave(page));

  it('takes an address on Enter, and leaves the keyboard to the board', async () => {
    await page.keyboard.type(` ${address}/red.png`);
    await page.keyboard.press('Enter');
    await count(page, 1);
    expect(await page.isVisible('.ask')).toBe(false);
    expect(await objectsOf(page)).toMatchObject([{ type: 'image', w: 120, h: 80 }]);
    await page.waitForFunction(() => document.activeElement?.classList.contains('board'));
    await page.keyboard.press('Delete');
    await count(page, 0);
  });

  it('says what is wrong, and can be answered again', async () => {
    await page.keyboard.type('no address');
    await page.click('text=Insert >> nth=-1');
    expect(await problem()).toMatch(/not an address/);
    await page.fill('.ask input', `${address}/none.png`);
    expect(await problem()).toBe('');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.querySelector('.ask [role="alert"]')?.textContent?.startsWith('There is no image'));
    await shootBoth(page, `image-dialog-${name}`);
    await page.keyboard.type(`${address}/red.png`);
    await page.keyboard.press('Enter');
    await count(page, 1);
  });

  it('is given up on Escape, also while the image is on its way', async () => {
    await page.keyboard.type(`${address}/late.png`);
    await page.keyboard.press('Enter');
    await page.waitForSelector('.ask >> text=Loading…');
    await page.keyboard.press('Escape');
    expect(await page.isVisible('.ask')).toBe(false);
    await page.waitForFunction(() => document.activeElement?.classList.contains('board'));
    await expect.poll(() => late.length, { timeout: 30_000 }).toBe(1);
    late.pop()?.();
    await choose(page, 'Image by its address…');
    await page.keyboard.type(`${address}/red.png`);
    await page.keyboard.press('Enter');
    await count(page, 1);
    expect(await objectsOf(page)).toMatchObject([{ w: 120 }]);
  });
});

/** What the board saves by a line of its menu. */
async function exported(page: Page, label: string): Promise<{ name: string; bytes: Buffer }> {
  const [download] = await Promise.all([page.waitForEvent('download'), choose(page, label)]);
  return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
}

/** Width and height, from a PNG's first chunk. */
const sizeOf = (png: Buffer): [number, number] => [png.readUInt32BE(16), png.readUInt32BE(20)];

describe('an export', () => {
  const board = async (): Promise<void> => {
    await draw(a, 'r', [300, 200], [500, 300]);
    await a.keyboard.press('Enter');
    await a.keyboard.type('Ideas < plans & "ships"');
    await a.keyboard.press('Escape');
    await draw(a, 'a', [400, 250], [700, 600]);
    await a.keyboard.press('Escape');
    await saved(a);
  };

  it('as PNG is a picture of everything, twice as sharp', async () => {
    await board();
    const { name, bytes } = await exported(a, 'Export as PNG');
    expect(name).toBe('board.png');
    expect([...bytes.subarray(0, 8)]).toEqual([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    const [w, h] = sizeOf(bytes);
    // 400 by 400 canvas units and a margin of at least 24 on each side.
    for (const side of [w, h]) {
      expect(side).toBeGreaterThanOrEqual(2 * 448);
      expect(side).toBeLessThan(2 * 500);
    }
  });

  it('of a selection shows only that', async () => {
    await board();
    await a.mouse.click(350, 220);
    const [w, h] = sizeOf((await exported(a, 'Export as PNG')).bytes);
    expect(w).toBeGreaterThanOrEqual(2 * 248);
    expect(h).toBeLessThan(2 * 180);
  });

  it('as SVG can be read by others, words and all', async () => {
    await board();
    const { name, bytes } = await exported(a, 'Export as SVG');
    expect(name).toBe('board.svg');
    const seen = await a.evaluate((text) => {
      const parsed = new DOMParser().parseFromString(text, 'image/svg+xml');
      return { errors: parsed.querySelectorAll('parsererror').length, words: parsed.documentElement.textContent, paths: parsed.querySelectorAll('path').length };
    }, bytes.toString('utf8'));
    expect(seen.errors).toBe(0);
    // Each line is a piece of its own, without the space at which it was broken.
    expect(seen.words?.replace(/\s+/g, '')).toBe('Ideas<plans&"ships"');
    expect(seen.paths).toBe(1);
  });

  it('works with pictures that may be shown but not read', async () => {
    await copied(a, `${address}/unreadable.png`);
    await a.keyboard.press('Control+v');
    await count(a, 1);
    await board();
    const { bytes } = await exported(a, 'Export as PNG');
    expect(sizeOf(bytes)[0]).toBeGreaterThan(2 * 448);
  });

  it('of an empty board says that there is nothing', async () => {
    await choose(a, 'Export as PNG');
    await a.waitForSelector('.toast >> text=nothing to export');
  });
});
