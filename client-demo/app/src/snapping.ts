/** What moved shapes are pulled to, as the user chose it for this browser. */

export type Snapping = 'shapes' | 'grid' | 'none';

const KEY = 'collabcanvas:snapping';
/** Canvas units. */
export const GRID = 20;

function stored(): Snapping {
  try {
    const value = localStorage.getItem(KEY);
    return value === 'grid' || value === 'none' ? value : 'shapes';
  } catch {
    // A browser that keeps nothing for this page.
    return 'shapes';
  }
}

let chosen = stored();

export const snapping = (): Snapping => chosen;

export function chooseSnapping(next: Snapping): void {
  chosen = next;
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // It holds as long as the page is open.
  }
}
