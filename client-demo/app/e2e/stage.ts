import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll } from 'vitest';
import { launch, newProject, visit, type Prepare } from './browser';
import { Server } from './server';

/** What nearly every file of tests stands on: a server and a browser of its own, there while its tests run. */
export interface Stage {
  readonly server: Server;
  readonly browser: Browser;
  /** Somebody comes to a board, to a new one unless it is named. */
  visit(project?: string, options?: BrowserContextOptions, prepare?: Prepare): Promise<Page>;
  /** Two people at one board. */
  two(project?: string): Promise<[Page, Page]>;
}

/** To be called at the top of a file. Hooks that are registered after it find the stage set. */
export function stage(start = (): Promise<Server> => Server.start()): Stage {
  let [server, browser]: [Server?, Browser?] = [];
  const there = <T>(part: T | undefined): T => {
    if (part === undefined) throw new Error('the stage is set only while tests run');
    return part;
  };

  beforeAll(async () => {
    server = await start();
    browser = await launch();
  });

  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  const come: Stage['visit'] = (project = newProject(), options, prepare) => visit(there(browser), there(server).url, project, options, prepare);
  return {
    get server() {
      return there(server);
    },
    get browser() {
      return there(browser);
    },
    visit: come,
    two: async (project = newProject()) => [await come(project), await come(project)],
  };
}
