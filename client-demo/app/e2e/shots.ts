/** Screenshots for a person to look at. Nothing is compared: what is ugly, only an eye can tell. */
import { join } from 'node:path';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { DESKTOP, painted, PHONE } from './browser';

const OUT = join(import.meta.dirname, 'out');

export async function shoot(page: Page, name: string): Promise<void> {
  await painted(page);
  await page.screenshot({ path: join(OUT, `${name}.png`) });
}

/** In both colour schemes of the system. */
export async function shootBoth(page: Page, name: string): Promise<void> {
  for (const scheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: scheme });
    await shoot(page, `${name}-${scheme}`);
  }
}

export const dark = (options: BrowserContextOptions): BrowserContextOptions => ({ ...options, colorScheme: 'dark' });

/** The screens that pictures are made of, by name. */
export const SCREENS = [['desktop', DESKTOP], ['desktop-dark', dark(DESKTOP)], ['phone', PHONE], ['phone-dark', dark(PHONE)]] as const;
