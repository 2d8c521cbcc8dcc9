/** Which kept pages are of tabs that are gone: a living one holds a lock, which the browser lets go of with the tab, however that ends. */

const lockOf = (scope: string): string => `collabcanvas ${scope}`;

/** A page of this tab; letting go of it leaves it to others. */
export interface Hold {
  readonly scope: string;
  release(): void;
}

/** Takes a page; undefined when a living tab has it. */
export function take(scope: string): Promise<Hold | undefined> {
  return new Promise((resolve, reject) => {
    const request = navigator.locks.request(lockOf(scope), { ifAvailable: true }, (lock) => {
      if (lock === null) {
        resolve(undefined);
        return undefined;
      }
      return new Promise<void>((release) => resolve({ scope, release }));
    });
    request.catch(reject);
  });
}
