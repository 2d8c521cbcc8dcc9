import type { Page } from 'playwright-core';
import { describe, it } from 'vitest';
import { DESKTOP, drag, leave, newProject, PHONE, saved } from './browser';
import { seesCursors } from './eyes';
import { dark, SCREENS, shoot } from './shots';
import { stage } from './stage';

const here = stage();

async function write(page: Page, key: 'n' | 't', at: [number, number], text: string): Promise<void> {
  await page.keyboard.press(key);
  await page.mouse.click(...at);
  await page.keyboard.type(text);
  await page.keyboard.press('Escape');
}

async function paint(page: Page, ...names: string[]): Promise<void> {
  for (const name of names) await page.click(`[aria-label="${name}"]`);
}

/** A board as after half an hour of planning. */
async function plan(page: Page): Promise<void> {
  await write(page, 't', [300, 110], 'Plan for the spring release');
  await paint(page, 'Violet');
  await page.keyboard.press('r');
  await drag(page, [300, 180], [520, 300]);
  await paint(page, 'Blue', 'Light fill');
  await page.keyboard.press('Enter');
  await page.keyboard.type('Ideas');
  await page.keyboard.press('Escape');
  await page.keyboard.press('o');
  await drag(page, [700, 170], [900, 310]);
  await paint(page, 'Green', 'Solid fill');
  await page.keyboard.press('Enter');
  await page.keyboard.type('Ship it');
  await page.keyboard.press('Escape');
  await page.keyboard.press('a');
  await drag(page, [535, 240], [685, 240]);
  await paint(page, 'Grey');
  const notes = [['Yellow', 'Talk to five people who draw every day'], ['Pink', 'Undo is one step'], ['Teal', 'Works on a phone']] as const;
  for (const [i, [colour, text]] of notes.entries()) {
    await write(page, 'n', [400 + i * 230, 480 + (i % 2) * 20], text);
    await paint(page, colour);
  }
  await page.keyboard.press('d');
  await paint(page, 'Orange');
  await page.mouse.move(960, 250);
  await page.mouse.down();
  for (let i = 1; i < 80; i++) await page.mouse.move(960 + i * 3, 250 + Math.sin(i / 6) * 50);
  await page.mouse.up();
  await page.keyboard.press('v');
}

async function pointAt(page: Page, x: number, y: number): Promise<void> {
  await page.mouse.move(x - 40, y - 30);
  await page.mouse.move(x, y, { steps: 4 });
}

describe('screenshots', () => {
  it('of an empty board', async () => {
    for (const [name, options] of SCREENS) {
      const page = await here.visit(newProject(), options);
      await shoot(page, `empty-${name}`);
      await leave(page);
    }
  });

  it('of a busy board, its panels and its messages', async () => {
    const project = newProject();
    const first = await here.visit(project);
    await plan(first);
    await saved(first);
    const second = await here.visit(project, dark(DESKTOP));
    await pointAt(second, 820, 620);
    await pointAt(first, 640, 380);
    await Promise.all([seesCursors(first, 1), seesCursors(second, 1)]);
    await first.mouse.click(400, 440);
    await second.mouse.click(820, 600);
    await pointAt(second, 860, 640);
    await shoot(first, 'busy-desktop');
    await shoot(second, 'busy-desktop-dark');
    const phone = await here.visit(project, PHONE);
    await shoot(phone, 'busy-phone');
    await phone.tap('.swatch-button');
    await phone.waitForSelector('.inspector.open');
    await shoot(phone, 'style-phone');
    const night = await here.visit(project, dark(PHONE));
    await shoot(night, 'busy-phone-dark');
    await first.keyboard.press('Control+a');
    await first.click('.share');
    await first.click('.self .avatar');
    await shoot(first, 'panels-desktop');
    await second.keyboard.press('?');
    await shoot(second, 'help-desktop-dark');
    await first.evaluate(() => window.__board?.canvas.disconnect());
    await first.waitForSelector('.status[data-tone="bad"]');
    await shoot(first, 'offline-desktop');
    await leave(first, second, phone, night);
  });
});
