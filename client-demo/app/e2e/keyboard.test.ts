import type { Page } from 'playwright-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DESKTOP, leave, newProject, objectsOf } from './browser';
import { draw, inkAt, lookAtOrigin, selected } from './eyes';
import { stage } from './stage';

const here = stage();
let page: Page;

beforeEach(async () => {
  page = await here.visit();
  await lookAtOrigin(page);
});

afterEach(() => leave(page));

describe('the keyboard alone', () => {
  it('places every shape that has a usual size in the middle, and selects it', async () => {
    for (const [key, type] of [['r', 'rect'], ['o', 'ellipse'], ['a', 'arrow'], ['l', 'line']] as const) {
      await page.keyboard.press(key);
      await page.keyboard.press('Enter');
      const [made] = (await objectsOf(page)).slice(-1);
      expect(made).toMatchObject({ type, w: 160 });
      await selected(page, 1);
      await page.keyboard.press('Delete');
    }
    expect(await objectsOf(page)).toEqual([]);
  });

  it('writes a note and a text', async () => {
    for (const [key, words] of [['n', 'a note'], ['t', 'a text']] as const) {
      await page.keyboard.press(key);
      await page.keyboard.press('Enter');
      await page.keyboard.type(words);
      await page.keyboard.press('Escape');
      for (let i = 0; i < 20; i++) await page.keyboard.press('Shift+ArrowDown');
    }
    expect(await objectsOf(page)).toMatchObject([{ type: 'note', x: 620, y: 550, text: 'a note' }, { type: 'text', text: 'a text' }]);
  });

  it('takes a tool from the bar, writes into the shape, moves it, and does not hide one behind another', async () => {
    await page.focus('[data-tool="rect"]');
    await page.keyboard.press('Enter');
    expect(await objectsOf(page)).toEqual([]);
    await page.keyboard.press('Enter');
    await page.keyboard.press('r');
    await page.keyboard.press('Enter');
    expect(await objectsOf(page)).toMatchObject([{ x: 640, y: 395, w: 160, h: 110 }, { x: 664, y: 419, w: 160, h: 110 }]);
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Shift+ArrowDown');
    expect((await objectsOf(page))[1]).toMatchObject({ x: 665, y: 429 });
    await page.evaluate(() => document.activeElement instanceof HTMLElement && document.activeElement.blur());
    await page.keyboard.press('Enter');
    await page.keyboard.type('words');
    await page.keyboard.press('Escape');
    expect((await objectsOf(page))[1]).toMatchObject({ text: 'words' });
  });

  it('finds it in the list of shortcuts', async () => {
    await page.keyboard.press('?');
    await page.waitForSelector('.help .row >> text=Place it in the middle');
  });
});

describe('the list of contents', () => {
  const names = (): Promise<(string | null)[]> => page.$$eval('.contents button', (buttons) => buttons.map(({ textContent }) => textContent));

  beforeEach(async () => {
    await draw(page, 'r', [300, 200], [400, 300]);
    await page.keyboard.press('Enter');
    await page.keyboard.type('Ideas');
    await page.keyboard.press('Escape');
    await draw(page, 'a', [600, 400], [700, 500]);
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => document.querySelectorAll('.contents button').length === 2);
  });

  it('names what is in sight, and tells what has moved', async () => {
    expect(await names()).toEqual(['Rectangle “Ideas”, 300 across, 200 down', 'Arrow, 600 across, 400 down']);
    await page.evaluate(() => window.__board?.camera.set({ x: 550, y: 0, zoom: 1 }));
    await page.waitForFunction(() => document.querySelectorAll('.contents button').length === 1);
    expect(await page.textContent('.contents h2')).toBe('On the board: 1 in sight');
    await page.evaluate(() => window.__board?.canvas.batch((tx) => {
      const arrow = window.__board?.canvas.ordered()[1];
      if (arrow) tx.update(arrow.id, { x: 800 });
    }));
    await page.waitForSelector('.contents >> text=Arrow, 800 across');
  });

  it('comes to sight for the keyboard, and selects', async () => {
    for (let stops = 0; stops < 60; stops++) {
      await page.keyboard.press('Tab');
      if (await page.evaluate(() => document.activeElement?.closest('.contents') !== null)) break;
    }
    const box = await page.locator('.contents').boundingBox();
    expect(box?.width).toBeGreaterThan(200);
    await page.keyboard.press('Enter');
    await selected(page, 1);
    expect(await page.evaluate(() => document.activeElement?.textContent)).toMatch(/^Rectangle/);
    await page.keyboard.press('Shift+ArrowRight');
    await page.waitForFunction(() => document.activeElement?.textContent?.startsWith('Rectangle “Ideas”, 310 across'));
    await inkAt(page, 310, 250);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Delete');
    expect((await objectsOf(page)).map(({ type }) => type)).toEqual(['rect']);
  });
});

describe('with reduced motion', () => {
  /** The views that the camera passes on the way to everything. Its page paints a frame every 20 ms, whatever the machine does. */
  const fly = async (page: Page): Promise<number> => {
    await draw(page, 'r', [300, 200], [400, 300]);
    await page.evaluate(() => {
      const views: number[] = [];
      window.__board?.camera.onChange(() => views.push(window.__board?.camera.x ?? NaN));
      Object.assign(window, { __views: views });
      const start = performance.now();
      let now = start;
      performance.now = () => now;
      const { requestAnimationFrame } = window;
      window.requestAnimationFrame = (f) => requestAnimationFrame(() => f((now += 20)));
    });
    await page.keyboard.press('Shift+1');
    await page.waitForFunction(() => Math.abs((window.__board?.camera.x ?? 0) - (350 - innerWidth / 2)) < 0.01);
    return page.evaluate(() => (window as unknown as { __views: number[] }).__views.length);
  };

  it('the view jumps, otherwise it flies', async () => {
    const still = await here.visit(newProject(), { ...DESKTOP, reducedMotion: 'reduce' });
    await lookAtOrigin(still);
    expect(await fly(still)).toBe(1);
    await leave(still);
    expect(await fly(page)).toBeGreaterThan(1);
  });
});
