/** What has changed between two states of an object's properties. */
import type { Value } from '@collabcanvas/sdk';
import type { Props } from './element';

export interface Difference {
  readonly set: Record<string, Value>;
  readonly unset: string[];
}

/** Undefined when nothing differs. */
export function difference(before: Props, after: Props): Difference | undefined {
  const set: Record<string, Value> = {};
  for (const [name, value] of Object.entries(after)) if (!isSame(before[name], value)) set[name] = value;
  const unset = Object.keys(before).filter((name) => !Object.hasOwn(after, name));
  return Object.keys(set).length === 0 && unset.length === 0 ? undefined : { set, unset };
}

/** Deep equality of JSON-like data. */
export function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b) || (a === 0 && b === 0)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => isSame(item, b[i]));
  }
  const keys = Object.keys(a);
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && isSame(left[key], right[key]));
}
