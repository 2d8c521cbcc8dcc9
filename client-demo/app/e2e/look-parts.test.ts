/** Screenshots of the parts that one opens. */
import type { Page } from 'playwright-core';
import { describe, it } from 'vitest';
import { DESKTOP, drag, leave, newProject, PHONE, saved } from './browser';
import { choose, draw, lookAtOrigin } from './eyes';
import { dark, SCREENS, shoot } from './shots';
import { stage } from './stage';

const here = stage();

async function label(page: Page, text: string): Promise<void> {
  await page.keyboard.press('Enter');
  await page.keyboard.type(text);
  await page.keyboard.press('Escape');
}

/** A diagram: three shapes, arrows between them, a note and a frame around it all. */
async function diagram(page: Page): Promise<void> {
  await lookAtOrigin(page);
  await draw(page, 'r', [260, 120], [1180, 720]);
  await draw(page, 'r', [320, 200], [520, 300]);
  await page.click('[aria-label="Blue"]');
  await page.click('[aria-label="Light fill"]');
  await label(page, 'Sketch');
  await draw(page, 'o', [800, 180], [1000, 320]);
  await page.click('[aria-label="Green"]');
  await page.click('[aria-label="Solid fill"]');
  await label(page, 'Ship');
  await draw(page, 'r', [560, 520], [760, 620]);
  await page.click('[aria-label="Orange"]');
  await page.click('[aria-label="No fill"]');
  await label(page, 'Try it out');
  await draw(page, 'a', [420, 250], [900, 250]);
  await page.click('[aria-label="Grey"]');
  await draw(page, 'a', [900, 250], [660, 570]);
  await draw(page, 'l', [660, 570], [420, 250]);
  await page.keyboard.press('n');
  await page.mouse.click(1020, 560);
  await page.keyboard.type('Lines hold on to shapes');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await saved(page);
}

describe('screenshots', () => {
  it('of the menu, the map and the plug', async () => {
    const project = newProject();
    const maker = await here.visit(project);
    await diagram(maker);
    await maker.click('.self .avatar');
    await shoot(maker, 'card-desktop');
    for (const [name, options] of SCREENS) {
      const page = await here.visit(project, options);
      await page.click('.menu > button');
      await shoot(page, `menu-${name}`);
      await page.click('.menu-list >> text="Map of the board"');
      await shoot(page, `map-${name}`);
      await page.click('[aria-label="Pull the plug"]');
      await shoot(page, `plug-${name}`);
      await leave(page);
    }
    await leave(maker);
  });

  it('of a group, of guides and of an arrow that takes hold', async () => {
    for (const [name, options] of [['desktop', DESKTOP], ['desktop-dark', dark(DESKTOP)]] as const) {
      const page = await here.visit(newProject(), options);
      await diagram(page);
      await page.mouse.click(340, 280);
      await page.keyboard.down('Shift');
      await page.mouse.click(600, 530);
      await page.keyboard.up('Shift');
      await page.keyboard.press('Control+g');
      await shoot(page, `group-${name}`);
      await page.keyboard.press('Escape');
      await page.mouse.move(1000, 640);
      await page.mouse.down();
      await page.mouse.move(882, 698, { steps: 4 });
      await shoot(page, `guides-${name}`);
      await page.mouse.up();
      await page.keyboard.press('Escape');
      await page.keyboard.press('a');
      await page.mouse.move(1100, 200);
      await page.mouse.down();
      await page.mouse.move(980, 270, { steps: 4 });
      await shoot(page, `hold-${name}`);
      await page.mouse.up();
      await leave(page);
    }
  });

  it('of a phone with something selected, and of the list of contents', async () => {
    const project = newProject();
    const page = await here.visit(project);
    await diagram(page);
    await page.waitForSelector('.contents button', { state: 'attached' });
    await page.focus('.contents button');
    await shoot(page, 'contents-desktop');
    await drag(page, [300, 160], [320, 170]);
    await saved(page);
    const phone = await here.visit(project, PHONE);
    await choose(phone, 'Map of the board');
    await phone.tap('.board', { position: { x: 120, y: 370 } });
    await phone.waitForSelector('.inspector.selecting');
    await shoot(phone, 'selected-phone');
    const narrow = await here.visit(project, { viewport: { width: 700, height: 700 } });
    await choose(narrow, 'Map of the board');
    await narrow.keyboard.press('Control+a');
    await narrow.waitForSelector('.inspector.selecting');
    await shoot(narrow, 'selected-narrow');
    await leave(page, phone, narrow);
  });
});
