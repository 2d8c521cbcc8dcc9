/**
 * Property values as JavaScript sees them, and the bytes of those that JavaScript cannot hold exactly.
 *
 * The server keeps every value byte for byte. JavaScript cannot: `1.0` and `1` are one number, a 32-bit float becomes a 64-bit
 * one, an object moves keys such as "7" to the front. So the decoder leaves the original bytes of such a value beside the
 * map that holds it (a side table, because an application must see plain maps), and the encoder prefers those bytes. A
 * value that was received and not touched is therefore sent again exactly as it was, for example when undo re-creates an object.
 */

/** A MessagePack extension value. */
export class Ext {
  constructor(
    /** −128 … 127. */
    readonly type: number,
    /** What the type says that it is. */
    readonly data: Uint8Array,
  ) {}
}

/** The sizes of extensions that have a form of their own. */
export const FIXED_EXT: readonly number[] = [1, 2, 4, 8, 16];

/** A MessagePack value that JavaScript has no form for: a map with keys that are not text, or text that is not UTF-8. */
export class Opaque {
  /** @param bytes exactly one MessagePack value */
  constructor(readonly bytes: Uint8Array) {}
}

/** Any MessagePack value. Integers beyond ±(2^53 − 1) are `bigint`, binary is `Uint8Array`. */
export type Value = null | boolean | number | bigint | string | Uint8Array | Ext | Opaque | Value[] | { [key: string]: Value };

/** Whether MessagePack has an integer for it. */
export const isInteger64 = (value: bigint): boolean => value >= -(2n ** 63n) && value < 2n ** 64n;

/** An object's properties, where no kinds of objects are named: any. Treated as immutable once they are in a replica. */
export type Props = Record<string, Value>;

/** A value together with its exact bytes, where `value` alone would not be encoded to them. */
export interface Slot {
  readonly value: Value;
  readonly bytes: Uint8Array | undefined;
}

const sidecar = new WeakMap<object, Map<string, Uint8Array>>();

/** The bytes that `map[key]` was received as, if encoding `map[key]` would give others. */
export function exactBytes(map: object, key: string): Uint8Array | undefined {
  return sidecar.get(map)?.get(key);
}

/** All exact bytes beside `map`. */
export function exactEntries(map: object): ReadonlyMap<string, Uint8Array> | undefined {
  return sidecar.get(map);
}

/** Remembers the bytes of `map[key]`. Does not copy them. */
export function keepExact(map: object, key: string, bytes: Uint8Array): void {
  const entries = sidecar.get(map);
  if (entries === undefined) sidecar.set(map, new Map([[key, bytes]]));
  else entries.set(key, bytes);
}

/**
 * Copies the exact bytes beside `map` out of the frame they were received in, so that one float does not keep a whole frame
 * in memory. Called once for every map that enters a replica.
 */
export function settle(map: Props): Props {
  const entries = sidecar.get(map);
  if (entries !== undefined) for (const [key, bytes] of entries) entries.set(key, bytes.slice());
  return map;
}

/** The fields that are given: one that is undefined is left out. */
export function given<Fields extends object>(fields: Fields): { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> };
}

/** Assigns an own property, also when its name is `__proto__`. */
export function assign(map: Props, key: string, value: Value): void {
  if (key === '__proto__') Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true });
  else map[key] = value;
}

/** The property with its exact bytes; undefined when `props` has no such property. */
export function slotOf(props: Readonly<Props>, key: string): Slot | undefined {
  if (!Object.hasOwn(props, key)) return undefined;
  return { value: props[key] as Value, bytes: exactBytes(props, key) };
}

/** Assigns a property with its exact bytes; undefined: there is none. */
export function putSlot(props: Props, key: string, slot: Slot | undefined): void {
  if (slot === undefined) return;
  assign(props, key, slot.value);
  if (slot.bytes !== undefined) keepExact(props, key, slot.bytes);
}

/** A new map: `props` with `set` on top and without `unset`. Neither argument is changed. */
export function merged(props: Readonly<Props>, set: Readonly<Props>, unset: readonly string[] = []): Props {
  const result = { ...props, ...set };
  for (const key of unset) delete result[key];
  for (const [key, bytes] of sidecar.get(props) ?? []) {
    if (!Object.hasOwn(set, key) && Object.hasOwn(result, key)) keepExact(result, key, bytes);
  }
  for (const [key, bytes] of sidecar.get(set) ?? []) {
    if (Object.hasOwn(result, key)) keepExact(result, key, bytes);
  }
  return result;
}

/** Deep equality of values; tells 0 from -0, and NaN equals NaN. Keys may be in any order. */
export function sameValue(a: Value | undefined, b: Value | undefined): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof Uint8Array) return b instanceof Uint8Array && sameBytes(a, b);
  if (a instanceof Ext) return b instanceof Ext && a.type === b.type && sameBytes(a.data, b.data);
  if (a instanceof Opaque) return b instanceof Opaque && sameBytes(a.bytes, b.bytes);
  if (Array.isArray(a) !== Array.isArray(b) || b instanceof Uint8Array || b instanceof Ext || b instanceof Opaque) return false;
  // Both are lists or both are maps; the keys of a list are its indices.
  const [left, right] = [a, b] as Props[] as [Props, Props];
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => Object.hasOwn(right, key) && sameValue(left[key], right[key]));
}

/** Byte-wise equality. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
