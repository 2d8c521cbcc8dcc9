/** Objects in the order they are drawn. Keys and ids that the server accepts are ASCII, so comparing JavaScript strings compares bytes. */
import type { CanvasObject } from './object.js';

/** The order key of an object; null when it has none. */
export function orderKey(object: CanvasObject): string | null {
  return typeof object.props['z'] === 'string' ? object.props['z'] : null;
}

/** (`z`, id); an object without `z` comes first. */
export function compareObjects(a: CanvasObject, b: CanvasObject): number {
  const za = orderKey(a) ?? '';
  const zb = orderKey(b) ?? '';
  if (za !== zb) return za < zb ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/** Objects in drawing order: a cached array, repaired where objects changed. */
export class DrawingOrder {
  #sorted: readonly CanvasObject[] | undefined;
  /** What changed since the last `list`: each id with its object in `sorted`, undefined when it is not in there. */
  readonly #changed = new Map<string, CanvasObject | undefined>();

  /** Notes that an object came, went or changed. @param before what it was until now */
  touch(id: string, before: CanvasObject | undefined): void {
    if (this.#sorted !== undefined && !this.#changed.has(id)) this.#changed.set(id, before);
  }

  /** The same array until something changes. */
  list(objects: ReadonlyMap<string, CanvasObject>): readonly CanvasObject[] {
    // Moving one object costs a copy of the array's tail, so at some number sorting is cheaper.
    if (this.#sorted === undefined || this.#changed.size > 50 + this.#sorted.length / 50) {
      this.#sorted = [...objects.values()].sort(compareObjects);
    } else if (this.#changed.size > 0) {
      this.#sorted = repaired(this.#sorted, this.#changed, objects);
    }
    this.#changed.clear();
    return this.#sorted;
  }
}

function repaired(
  sorted: readonly CanvasObject[],
  changed: ReadonlyMap<string, CanvasObject | undefined>,
  objects: ReadonlyMap<string, CanvasObject>,
): readonly CanvasObject[] {
  const list = sorted.slice();
  for (const [id, before] of changed) {
    const after = objects.get(id);
    const from = before && placeOf(list, before);
    if (from !== undefined && after !== undefined && fits(list, from, after)) {
      list[from] = after;
      continue;
    }
    if (from !== undefined) list.splice(from, 1);
    if (after !== undefined) list.splice(placeOf(list, after), 0, after);
  }
  return list;
}

/** The index of the first object that does not come before this one. */
function placeOf(list: readonly CanvasObject[], object: CanvasObject): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareObjects(list[middle] as CanvasObject, object) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether the object may stand at this index, its neighbours staying where they are. */
function fits(list: readonly CanvasObject[], index: number, object: CanvasObject): boolean {
  const [below, above] = [list[index - 1], list[index + 1]];
  return (below === undefined || compareObjects(below, object) < 0) && (above === undefined || compareObjects(object, above) < 0);
}
