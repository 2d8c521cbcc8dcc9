/**
 * The drawing order: by `index`, then by id, as the canvas has it.
 *
 * Two people who put something on top at the same time give it the same index. The canvas bears that, the editor does not: it gives the elements new ones
 * by itself, as if the user had moved them. So they get distinct ones before the editor sees them; `repairs` says how the objects follow.
 */
import { isOrderKey, keysBetween, type CanvasObject } from '@collabcanvas/sdk';

/** Something with a place in the order. */
export interface Placed {
  readonly id: string;
  readonly index: string | null;
}

export function byIndex(a: Placed, b: Placed): number {
  const [one, other] = [a.index ?? '', b.index ?? ''];
  if (one !== other) return one < other ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

const keyOf = ({ index }: Placed): string | null => (index !== null && isOrderKey(index) ? index : null);

/**
 * New indices for those whose own are not above their lower neighbour's.
 * @param sorted by `byIndex`
 * @param rank among elements with equal indices the one of the highest rank keeps it; of those the lowest
 */
export function distinct<T extends Placed>(sorted: readonly T[], rank: (placed: T) => number): Map<T, string> {
  const moved = new Map<T, string>();
  let below: string | null = null;
  for (let start = 0, end = 0; start < sorted.length; start = end) {
    const key: string | null = keyOf(sorted[start] as T);
    while (end < sorted.length && keyOf(sorted[end] as T) === key) end += 1;
    const run = sorted.slice(start, end);
    const above = nextKey(sorted, end);
    if (key === null) {
      below = place(run, below, above, moved) ?? below;
    } else if (run.length > 1) {
      const keeper = run.reduce((best, item, i) => (rank(item) > rank(run[best] as T) ? i : best), 0);
      place(run.slice(0, keeper), below, key, moved);
      below = place(run.slice(keeper + 1), key, above, moved) ?? key;
    } else {
      below = key;
    }
  }
  return moved;
}

function nextKey(sorted: readonly Placed[], from: number): string | null {
  for (let i = from; i < sorted.length; i += 1) {
    const key = keyOf(sorted[i] as Placed);
    if (key !== null) return key;
  }
  return null;
}

/** @returns the highest of the new keys */
function place<T extends Placed>(items: readonly T[], below: string | null, above: string | null, moved: Map<T, string>): string | undefined {
  const keys = keysBetween(below, above, items.length);
  items.forEach((item, i) => moved.set(item, keys[i] as string));
  return keys.at(-1);
}

/** An object that shall get a new `z`. */
export interface Repair {
  readonly object: CanvasObject;
  readonly z: string;
}

/** What makes the keys of all objects distinct, without changing their order. The same in every tab that sees the same objects. */
export function repairs(ordered: readonly CanvasObject[]): Repair[] {
  const placed = ordered.map((object) => ({ object, id: object.id, index: typeof object.props['z'] === 'string' ? object.props['z'] : null }));
  return [...distinct(placed, () => 0)].map(([{ object }, z]) => ({ object, z }));
}
