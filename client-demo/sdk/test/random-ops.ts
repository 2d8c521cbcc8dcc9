/** Random batches for the simulation. */
import { decodeOps, decodeValue, encodeOps } from '../src/codec/frame.js';
import { keyBetween } from '../src/order-keys.js';
import type { Op } from '../src/protocol.js';
import type { CanvasObject } from '../src/object.js';
import type { Props, Value } from '../src/value.js';
import { randomBytesValue, type Random } from './random.js';

/** Few, so that edits meet. */
const IDS = ['a', 'b', 'c', 'd', 'e', 'f'];
const NAMES = ['x', 'y', 'n', 'text', 'data', '__proto__'];
const KEYS = ['a0', 'a1', 'a0V', 'Zz'];

function randomProp(random: Random): [string, Value] {
  switch (random.below(8)) {
    case 0: return ['parent', random.chance(0.2) ? null : random.pick(IDS)];
    case 1: return ['z', random.chance(0.5) ? random.pick(KEYS) : keyBetween(random.pick(KEYS.slice(0, 1)), null)];
    case 2: return ['n', random.pick([0, 1, 5, -7, 2 ** 53 - 1, 0.5, 1e10])];
    case 3: return [random.pick(NAMES), random.pick([2n ** 63n, -(2n ** 60n), -0, NaN, 1.5, 1e300])];
    case 4: return [random.pick(NAMES), [random.below(9), 'text', { k: random.below(3), 7: null }]];
    case 5: return [random.pick(NAMES), random.bytes(random.below(4))];
    case 6: return ['type', random.pick(['rect', 'note'])];
    default: return [random.pick(NAMES), random.below(5)];
  }
}

function randomProps(random: Random): Props {
  const entries = Array.from({ length: random.below(4) }, () => randomProp(random));
  return Object.fromEntries(entries);
}

function randomOp(random: Random, view: ReadonlyMap<string, CanvasObject>): Op {
  const id = random.pick(IDS);
  const pre = {
    ...(random.chance(0.1) && { if_rev: view.get(id)?.rev ?? random.below(5) }),
    ...(random.chance(0.1) && { if_absent: [random.pick(NAMES)] }),
  };
  switch (random.below(10)) {
    case 0: case 1: case 2:
      return { op: 'create', id, props: randomProps(random), ...(pre.if_absent && { if_absent: pre.if_absent }) };
    case 3:
      return { op: 'delete', id, ...pre };
    case 4: case 5:
      return { op: 'increment', id, prop: 'n', by: random.pick([1, 2, -3, 0.25, 2 ** 40]), ...pre };
    default: {
      const set = randomProps(random);
      const unset = random.pick(NAMES);
      return { op: 'update', id, set, ...(random.chance(0.2) && !Object.hasOwn(set, unset) && { unset: [unset] }), ...pre };
    }
  }
}

export function randomOps(random: Random, view: ReadonlyMap<string, CanvasObject>): Op[] {
  return Array.from({ length: 1 + random.below(random.chance(0.2) ? 5 : 1) }, () => randomOp(random, view));
}

/** Ops with values in forms that no JavaScript number or map holds. */
export function botOps(random: Random): Op[] {
  const value = randomBytesValue(random);
  const props = decodeValue(Uint8Array.from([0x81, 0xa1, 0x6e, ...value])) as Props; // the property "n"
  const id = random.pick(IDS);
  const op: Op = random.chance(0.4) ? { op: 'create', id, props } : { op: 'update', id, set: props };
  return decodeOps(encodeOps([op], 32));
}
