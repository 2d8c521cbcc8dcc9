/** The keys that move objects in the drawing order. Pure. */
import { orderKey } from '../drawing-order.js';
import { CanvasError } from '../errors.js';
import type { CanvasObject } from '../object.js';
import { keysBetween } from '../order-keys.js';

/**
 * New order keys that put `ids` between two objects.
 *
 * Where the neighbours leave no room (equal keys, or no key), the objects above the gap get new keys as well, as few as it
 * takes, and without changing their order.
 * @param order all objects in drawing order
 * @param ids the objects to move, lowest first
 * @param below the object that shall lie directly below; null: the bottom
 * @param above the object that shall lie directly above; null: the top
 * @returns what to set, by object id
 */
export function keysForMove(
  order: readonly CanvasObject[],
  ids: readonly string[],
  below: string | null,
  above: string | null,
): Map<string, string> {
  const moved = new Set(ids);
  const others = order.filter((object) => !moved.has(object.id));
  const at = gap(others, below, above);
  const lower = at === 0 ? null : orderKey(others[at - 1] as CanvasObject);
  // Those above whose key does not lie above the lower neighbour's must make room.
  let end = at;
  while (end < others.length && (orderKey(others[end] as CanvasObject) ?? '') <= (lower ?? '')) end += 1;
  const pushed = others.slice(at, end).map((object) => object.id);
  const upper = end < others.length ? orderKey(others[end] as CanvasObject) : null;
  const targets = [...moved, ...pushed];
  const keys = keysBetween(lower, upper, targets.length);
  return new Map(targets.map((id, i) => [id, keys[i] as string]));
}

/** The index in `others` that the first moved object will have. */
function gap(others: readonly CanvasObject[], below: string | null, above: string | null): number {
  const find = (id: string): number => {
    const index = others.findIndex((object) => object.id === id);
    if (index < 0) throw new CanvasError('invalid_id', `object ${id} does not exist`);
    return index;
  };
  // An open end is the top or the bottom, wherever the other neighbour has gone meanwhile.
  if (below !== null) find(below);
  const index = above === null ? others.length : find(above);
  return below === null && above !== null ? 0 : index;
}
