import type { Page } from 'playwright-core';
import { beforeEach, afterEach, describe, expect, it } from 'vitest';
import { DESKTOP, drag, leave, newProject, objectsOf, painted, PHONE, type Seen } from './browser';
import { count, lookAtOrigin } from './eyes';
import { stage } from './stage';

const here = stage();
let page: Page;

beforeEach(async () => {
  page = await here.visit();
  await lookAtOrigin(page);
});

afterEach(() => leave(page));

const only = async (): Promise<Seen> => {
  const objects = await objectsOf(page);
  expect(objects).toHaveLength(1);
  return objects[0] as Seen;
};

async function rectangle(x = 400, y = 300): Promise<void> {
  await page.keyboard.press('r');
  await drag(page, [x, y], [x + 200, y + 100]);
}

describe('tools', () => {
  it('draw every kind of shape', async () => {
    const shapes = [['r', 'rect'], ['o', 'ellipse'], ['a', 'arrow'], ['l', 'line'], ['d', 'draw']] as const;
    for (const [i, [key]] of shapes.entries()) {
      await page.keyboard.press(key);
      await drag(page, [300 + i * 150, 200], [400 + i * 150, 280]);
    }
    await page.keyboard.press('n');
    await page.mouse.click(400, 600);
    await page.keyboard.type('note');
    await page.keyboard.press('Escape');
    await page.keyboard.press('t');
    await page.mouse.click(800, 600);
    await page.keyboard.type('text');
    await page.keyboard.press('Escape');
    expect((await objectsOf(page)).map(({ type }) => type)).toEqual([...shapes.map(([, type]) => type), 'note', 'text']);
  });

  it('leave nothing behind after a text that was not written', async () => {
    await page.keyboard.press('t');
    await page.mouse.click(800, 600);
    await page.keyboard.press('Escape');
    expect(await objectsOf(page)).toEqual([]);
  });

  it('move, resize and turn', async () => {
    await rectangle();
    expect(await only()).toMatchObject({ x: 400, y: 300, w: 200, h: 100 });
    await drag(page, [480, 340], [580, 390]);
    expect(await only()).toMatchObject({ x: 500, y: 350 });
    await drag(page, [700, 450], [800, 550]);
    expect(await only()).toMatchObject({ x: 500, y: 350, w: 300, h: 200 });
    // From the handle above the top edge a quarter turn to the right of the middle (650, 450).
    await drag(page, [650, 326], [774, 450]);
    expect((await only()).rotation).toBeCloseTo(Math.PI / 2, 1);
    for (let i = 0; i < 3; i++) await page.keyboard.press('Control+z');
    expect(await only()).toMatchObject({ x: 400, y: 300, w: 200, h: 100, rotation: 0 });
  });

  it('select by area, duplicate, delete', async () => {
    await rectangle(400, 200);
    await rectangle(400, 500);
    await page.keyboard.press('Escape');
    await drag(page, [350, 150], [700, 700]);
    await page.keyboard.press('Control+d');
    expect(await objectsOf(page)).toHaveLength(4);
    await page.keyboard.press('Delete');
    expect(await objectsOf(page)).toHaveLength(2);
    await page.keyboard.press('Control+a');
    await page.keyboard.press('Backspace');
    expect(await objectsOf(page)).toHaveLength(0);
    await page.keyboard.press('Control+z');
    expect(await objectsOf(page)).toHaveLength(2);
  });

  it('change what lies in front', async () => {
    await rectangle(400, 300);
    await rectangle(450, 330);
    await rectangle(500, 360);
    const order = async (): Promise<number[]> => (await objectsOf(page)).map(({ x }) => x);
    await page.keyboard.press('Shift+BracketLeft');
    expect(await order()).toEqual([500, 400, 450]);
    await page.keyboard.press(']');
    expect(await order()).toEqual([400, 500, 450]);
    await page.keyboard.press('[');
    expect(await order()).toEqual([500, 400, 450]);
    await page.click('[aria-label="Bring to front"]');
    expect(await order()).toEqual([400, 450, 500]);
  });

  it('paint the selection', async () => {
    await rectangle();
    await page.click('[aria-label="Red"]');
    await page.click('[aria-label="Light fill"]');
    const props = await page.evaluate(() => ({ ...window.__board?.canvas.ordered()[0]?.props }));
    expect(props).toMatchObject({ stroke: '#df4040', fill: '#fde3e0' });
  });

  it('copy over the clipboard', async () => {
    await rectangle();
    await page.keyboard.press('Control+c');
    await page.keyboard.press('Control+v');
    await count(page, 2);
  });

  it('pan and zoom with the wheel', async () => {
    const view = (): Promise<{ x: number; y: number; zoom: number } | undefined> =>
      page.evaluate(() => window.__board && { x: window.__board.camera.x, y: window.__board.camera.y, zoom: window.__board.camera.zoom });
    await page.mouse.move(700, 400);
    await page.mouse.wheel(30, 120);
    await page.waitForFunction(() => window.__board?.camera.y !== 0);
    expect(await view()).toMatchObject({ x: 30, y: 120, zoom: 1 });
    await page.keyboard.down('Control');
    await page.mouse.wheel(0, -100);
    await page.keyboard.up('Control');
    await page.waitForFunction(() => (window.__board?.camera.zoom ?? 1) > 1);
  });
});

describe('the page', () => {
  it('puts a new project into an address without one', async () => {
    await page.goto(here.server.url);
    await page.waitForURL(/\?project=[a-z0-9]{10}$/);
  });

  it('shows the shortcuts on ? and closes them on Escape', async () => {
    await page.keyboard.press('?');
    await page.waitForSelector('dialog[open]');
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog:not([open])', { state: 'attached' });
  });

  it('tells others a new name', async () => {
    const other = await here.visit(new URL(page.url()).searchParams.get('project') ?? '');
    await other.click('.self .avatar');
    await other.fill('.card input', 'Ada Lovelace');
    await page.waitForSelector('.others .avatar[aria-label^="Ada Lovelace"]');
    await leave(other);
  });

  it('gives two who come with the same colour different ones', async () => {
    const project = newProject();
    const alike = (page: Page): Promise<unknown> => page.addInitScript(() => Object.assign(Math, { random: () => 0 }));
    const [a, b] = [await here.visit(project, DESKTOP, alike), await here.visit(project, DESKTOP, alike)];
    const colours = (page: Page): Promise<string[]> =>
      page.$$eval('.self .avatar, .others .avatar', (avatars) => avatars.map((avatar) => getComputedStyle(avatar).backgroundColor).sort());
    const areTold = async (): Promise<boolean> => {
      const [atA, atB] = [await colours(a), await colours(b)];
      return new Set(atA).size === 2 && atA.join() === atB.join();
    };
    await expect.poll(areTold, { timeout: 30_000 }).toBe(true);
    await leave(a, b);
  });

  it('names every button', async () => {
    await rectangle();
    const nameless = await page.$$eval('button', (buttons) => buttons.filter((b) => !b.getAttribute('aria-label') && !b.textContent?.trim()).length);
    expect(nameless).toBe(0);
  });
});

describe('a phone', () => {
  it('draws with one finger and moves the view with two', async () => {
    const phone = await here.visit(newProject(), PHONE);
    const cdp = await phone.context().newCDPSession(phone);
    const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', ...points: [number, number][]): Promise<unknown> =>
      cdp.send('Input.dispatchTouchEvent', { type, touchPoints: points.map(([x, y], id) => ({ x, y, id })) });
    await phone.tap('[data-tool="draw"]');
    await phone.waitForSelector('[data-tool="draw"][aria-pressed="true"]');
    await touch('touchStart', [80, 300]);
    for (let i = 1; i <= 10; i++) await touch('touchMove', [80 + i * 15, 300 + i * 10]);
    await touch('touchEnd');
    await count(phone, 1);
    expect((await objectsOf(phone)).map(({ type }) => type)).toEqual(['draw']);
    const before = await phone.evaluate(() => window.__board?.camera.zoom ?? 0);
    await touch('touchStart', [150, 400]);
    await touch('touchStart', [150, 400], [250, 400]);
    for (let i = 1; i <= 10; i++) await touch('touchMove', [150 - i * 5, 400], [250 + i * 5, 400]);
    await touch('touchEnd');
    await expect.poll(() => phone.evaluate(() => window.__board?.camera.zoom ?? 0), { timeout: 30_000 }).toBeCloseTo(before * 2, 1);
    expect(await objectsOf(phone)).toHaveLength(1);
    await leave(phone);
  });

  it('has no control that is too small for a finger, whatever is open', async () => {
    const phone = await here.visit(newProject(), PHONE);
    const small = (): Promise<string[]> =>
      phone.$$eval('button, label:has(input)', (controls) =>
        controls
          .map((control) => ({ name: control.getAttribute('aria-label') ?? control.textContent ?? '', box: control.getBoundingClientRect() }))
          .filter(({ box }) => box.width > 1 && (box.width < 39.5 || box.height < 39.5))
          .map(({ name, box }) => `${name}: ${box.width} by ${box.height}`),
      );
    expect(await small()).toEqual([]);
    await phone.tap('.self .avatar');
    await phone.waitForSelector('.card input');
    expect(await small()).toEqual([]);
    await phone.keyboard.press('Escape');
    await phone.tap('[aria-label="Pull the plug"]');
    await phone.waitForSelector('.plug input');
    expect(await small()).toEqual([]);
    await phone.tap('[aria-label="Pull the plug"]');
    await phone.waitForSelector('.plug', { state: 'hidden' });
    // A hidden field keeps the keyboard until the next frame.
    await painted(phone);
    await phone.keyboard.press('r');
    await phone.keyboard.press('Enter');
    await phone.waitForSelector('.inspector.selecting');
    await phone.tap('.swatch-button');
    await phone.waitForSelector('.inspector.open');
    expect(await small()).toEqual([]);
    await phone.keyboard.press('?');
    await phone.waitForSelector('dialog[open]');
    expect(await small()).toEqual([]);
    await leave(phone);
  });

  it('fits every control on the screen', async () => {
    const phone = await here.visit(newProject(), PHONE);
    const outside = await phone.$$eval('button', (buttons) =>
      buttons
        .map((button) => ({ name: button.getAttribute('aria-label'), box: button.getBoundingClientRect() }))
        .filter(({ box }) => box.width > 0 && (box.left < 0 || box.right > innerWidth || box.bottom > innerHeight))
        .map(({ name }) => name),
    );
    expect(outside).toEqual([]);
    expect(await phone.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    await leave(phone);
  });
});
