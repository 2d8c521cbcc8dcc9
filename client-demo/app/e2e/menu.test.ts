import type { Page } from 'playwright-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { leave, newProject, painted, PHONE, saved, synced } from './browser';
import { choose, draw, lookAtOrigin, tabBeside } from './eyes';
import { stage } from './stage';

const here = stage();
let page: Page;

beforeEach(async () => {
  page = await here.visit();
  await lookAtOrigin(page);
});

afterEach(() => leave(page));

const focused = (): Promise<string> => page.evaluate(() => document.activeElement?.textContent || document.activeElement?.getAttribute('aria-label') || '');
const isOpen = (): Promise<boolean> => page.isVisible('.menu-list');

describe('the menu of the board', () => {
  it('is the first stop of the keyboard, and every line of it can be reached', async () => {
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('Board');
    await page.keyboard.press('Enter');
    const lines = await page.$$eval('.menu-list button', (buttons) => buttons.map(({ textContent }) => textContent));
    expect(lines.length).toBeGreaterThan(8);
    const reached: string[] = [];
    for (const _ of lines) {
      reached.push(await focused());
      await page.keyboard.press('ArrowDown');
    }
    expect(reached).toEqual(lines);
    expect(await focused()).toBe(lines[0]);
    await page.keyboard.press('ArrowUp');
    expect(await focused()).toBe(lines.at(-1));
    await page.keyboard.press('Home');
    expect(await focused()).toBe(lines[0]);
    await page.keyboard.press('End');
    expect(await focused()).toBe(lines.at(-1));
    await page.keyboard.press('Escape');
    expect(await isOpen()).toBe(false);
    expect(await focused()).toBe('Board');
  });

  it('opens on the arrow down, and does what its line says on Enter', async () => {
    await page.focus('.menu > button');
    await page.keyboard.press('ArrowDown');
    for (let i = 0; i < 3; i++) await page.keyboard.press('ArrowDown');
    expect(await focused()).toBe('Map of the board');
    await page.keyboard.press('Enter');
    expect(await isOpen()).toBe(false);
    expect(await page.isVisible('.minimap')).toBe(true);
  });

  it('says what is on', async () => {
    const on = (): Promise<(string | null)[]> => page.$$eval('.menu-list [aria-checked="true"]', (lines) => lines.map(({ textContent }) => textContent));
    await choose(page, 'Snap to the grid');
    await page.click('.menu > button');
    expect(await on()).toEqual(['Snap to the grid', 'Colours of the system']);
  });

  it('leaves the keyboard to the board when the pointer chose', async () => {
    await draw(page, 'r', [300, 200], [400, 300]);
    await choose(page, 'Map of the board');
    await page.keyboard.press('Enter');
    expect(await isOpen()).toBe(false);
    await page.waitForSelector('.text-editor:not([hidden])');
  });

  it('closes when one presses elsewhere', async () => {
    await page.click('.menu > button');
    await page.mouse.click(800, 500);
    expect(await isOpen()).toBe(false);
  });
});

/** How long another tab or the page may take to look different, in milliseconds. */
const SOON = { timeout: 30_000 };

describe('the colour scheme', () => {
  const paper = (page: Page): Promise<string> => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  /** The brightness of a corner of the canvas, 0 to 765. */
  const canvas = (page: Page): Promise<number> =>
    page.evaluate(() => {
      const [r = 0, g = 0, b = 0] = document.querySelector<HTMLCanvasElement>('canvas.scene')?.getContext('2d')?.getImageData(5, 5, 1, 1).data ?? [];
      return r + g + b;
    });

  it('is the one that was chosen, after a reload and in other tabs too', async () => {
    const light = await paper(page);
    await choose(page, 'Dark colours');
    const dark = await paper(page);
    expect(dark).not.toBe(light);
    await painted(page);
    expect(await canvas(page)).toBeLessThan(200);
    await page.reload();
    await synced(page);
    expect(await paper(page)).toBe(dark);
    const tab = await tabBeside(page);
    expect(await paper(tab)).toBe(dark);
    await choose(tab, 'Light colours');
    expect(await paper(tab)).toBe(light);
    // The tab that was open before hears of it: its page and its canvas.
    await expect.poll(() => paper(page), SOON).toBe(light);
    await expect.poll(() => canvas(page), SOON).toBeGreaterThan(600);
    await choose(tab, 'Colours of the system');
    await page.emulateMedia({ colorScheme: 'dark' });
    await expect.poll(() => paper(page), SOON).toBe(dark);
  });

  it('follows the system until one is chosen', async () => {
    const light = await paper(page);
    await page.emulateMedia({ colorScheme: 'dark' });
    await expect.poll(() => paper(page), SOON).not.toBe(light);
    await choose(page, 'Light colours');
    await expect.poll(() => paper(page), SOON).toBe(light);
  });
});

describe('the map', () => {
  const view = (): Promise<{ x: number; y: number }> => page.evaluate(() => ({ x: window.__board?.camera.x ?? NaN, y: window.__board?.camera.y ?? NaN }));

  it('shows the whole board, and a press on it goes there', async () => {
    await page.evaluate(() => {
      const keys = window.__board?.keysBetween(null, null, 2) ?? [];
      window.__board?.canvas.batch((tx) => {
        for (const [i, z] of keys.entries()) {
          tx.create({ type: 'rect', x: i * 8000, y: i * 5000, w: 600, h: 400, stroke: '#22262b', fill: '#22262b', strokeWidth: 2, z });
        }
      });
    });
    await saved(page);
    await choose(page, 'Map of the board');
    await painted(page);
    const box = await page.locator('.minimap canvas').boundingBox();
    expect(box).toMatchObject({ width: 180, height: 120 });
    const { x, y } = box ?? { x: 0, y: 0 };
    const before = await view();
    await page.mouse.click(x + 160, y + 100);
    const after = await view();
    expect(after.x).toBeGreaterThan(before.x + 5000);
    expect(after.y).toBeGreaterThan(before.y + 3000);
    await page.mouse.click(x + 90, y + 60);
    const middle = await view();
    expect(middle.x).toBeGreaterThan(before.x + 1500);
    expect(middle.x).toBeLessThan(after.x);
    await page.reload();
    await synced(page);
    expect(await page.isVisible('.minimap')).toBe(true);
  });
});

describe('on a narrow screen', () => {
  it('the title does not reach under the people, whatever it says', async () => {
    const project = newProject();
    for (const width of [390, 360]) {
      const pages = [await here.visit(project, { ...PHONE, viewport: { width, height: 700 } })];
      for (let i = 0; i < 3; i++) pages.push(await here.visit(project));
      const [phone] = pages as [Page];
      await phone.waitForSelector('.others .more');
      await phone.evaluate(() => {
        window.__board?.canvas.disconnect();
        for (let i = 0; i < 120; i++) window.__board?.canvas.batch((tx) => void tx.create({ type: 'rect', x: i, y: 0, w: 9, h: 9 }));
      });
      await phone.waitForSelector('.status >> text=120 unsent');
      const [title, people] = await Promise.all(['.title-bar', '.company'].map((part) => phone.locator(part).boundingBox()));
      expect((title?.x ?? 0) + (title?.width ?? 0)).toBeLessThan(people?.x ?? 0);
      await leave(...pages);
    }
  });

  /** Buttons that one would not hit by a press on their middle. */
  const covered = (page: Page): Promise<(string | null)[]> =>
    page.$$eval('button', (buttons) =>
      buttons
        .map((button) => ({ button, box: button.getBoundingClientRect() }))
        .filter(({ button, box }) => box.width > 1 && button.closest('.contents') === null)
        .filter(({ button, box }) => !button.contains(document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2)))
        .map(({ button }) => button.getAttribute('aria-label')),
    );

  it('no button covers another, whatever is open', async () => {
    for (const options of [PHONE, { viewport: { width: 480, height: 800 } }, { viewport: { width: 660, height: 700 } }, { viewport: { width: 980, height: 700 } }]) {
      const narrow = await here.visit(newProject(), options);
      expect(await covered(narrow)).toEqual([]);
      await choose(narrow, 'Map of the board');
      await narrow.keyboard.press('r');
      await narrow.keyboard.press('Enter');
      await narrow.waitForSelector('.inspector.selecting');
      expect(await covered(narrow)).toEqual([]);
      await narrow.keyboard.press('Escape');
      await narrow.click('[aria-label="Pull the plug"]');
      expect(await covered(narrow)).toEqual([]);
      await leave(narrow);
    }
  });
});
