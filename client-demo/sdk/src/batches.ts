/** Making one batch of several, and several of one. Pure. */
import { encodeOps } from './codec/frame.js';
import type { OurLimits, Op } from './protocol.js';
import { merged } from './value.js';

/** Two batches of plain updates on the same objects as one, and how it travels; undefined when they are anything else, or too large together. */
export function joinUpdates(first: readonly Op[], second: readonly Op[], limits: OurLimits): { ops: Op[]; body: Uint8Array } | undefined {
  if (first.length !== second.length) return undefined;
  const ops: Op[] = [];
  for (const [index, a] of first.entries()) {
    const b = second[index];
    if (a.op !== 'update' || b?.op !== 'update' || a.id !== b.id || isConditional(a) || isConditional(b)) return undefined;
    const unset = new Set([...(a.unset ?? []), ...(b.unset ?? [])]);
    for (const name of Object.keys(b.set ?? {})) unset.delete(name);
    const set = merged(a.set ?? {}, b.set ?? {}, b.unset);
    ops.push({ op: 'update', id: a.id, set, ...(unset.size > 0 && { unset: [...unset] }) });
  }
  const body = encodeOps(ops, limits.value_depth);
  return body.length > limits.batch_bytes ? undefined : { ops, body };
}

function isConditional(op: Op): boolean {
  return (op.op !== 'create' && (op.if_rev !== undefined || op.token !== undefined)) || op.if_absent !== undefined;
}

/** Splits the ops of a large undo step so that each part fits into a batch. */
export function partsOf(ops: readonly Op[], limits: OurLimits): Op[][] {
  const parts: Op[][] = [];
  let part: Op[] = [];
  // An array's header takes up to five bytes, and so does each op's share of rounding: leave some room.
  const room = limits.batch_bytes - 16;
  let bytes = 0;
  for (const op of ops) {
    const size = encodeOps([op], limits.value_depth).length;
    if (part.length > 0 && (part.length >= limits.batch_ops || bytes + size > room)) {
      parts.push(part);
      part = [];
      bytes = 0;
    }
    part.push(op);
    bytes += size;
  }
  if (part.length > 0) parts.push(part);
  return parts;
}
