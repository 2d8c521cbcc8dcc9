/** Entry `@collabcanvas/sdk/offline`: work that outlives its page. */
import { connect } from '../connect.js';
import type { Keeper } from '../keeper.js';
import type { CanvasOptions } from '../options.js';
import { BrowserKeeper, type KeeperOptions } from './keeper.js';

export type { KeeperOptions } from './keeper.js';
export { undoOf, valueOfUndo } from './steps.js';

/**
 * Keeps a canvas's edits, state and undo steps in the browser (IndexedDB), for one canvas: `connect({ …, keeper: keepOffline() })`. A reload or a crash of
 * the tab then loses nothing, and the page opens without a network.
 */
export function keepOffline(options: Omit<KeeperOptions, 'scope'> = {}): Keeper {
  return new BrowserKeeper(options);
}

/**
 * Brings to the server what tabs that are gone have left of a project, besides what this tab's own canvas goes on with. Call it when a canvas is
 * connected.
 * @param options as for `connect`
 * @param user whose work, as for `keepOffline`
 * @returns how many tabs' work was saved
 */
export async function finishOrphans(options: CanvasOptions, user?: string): Promise<number> {
  let count = 0;
  for (const scope of await BrowserKeeper.orphans(options.url, user)) {
    const { presence: _, ...rest } = options;
    const canvas = connect({ ...rest, keeper: new BrowserKeeper({ scope, ...(user !== undefined && { user }) }), tellActivity: false, warnBeforeUnload: false });
    try {
      await canvas.whenOpened();
      await canvas.whenSaved();
      count += 1;
    } finally {
      await canvas.close();
    }
  }
  return count;
}
