/**
 * Ops: what the server does with a batch, foretold on the client's own state (PROTOCOL §3).
 *
 * The server alone decides. This module makes local edits visible at once, refuses what the server would surely refuse, and
 * tells undo what each op changed.
 */
import { CanvasError } from './errors.js';
import { LEASE } from './lease.js';
import { isOrderKey } from './order-keys.js';
import type { Code, OurLimits, Op } from './protocol.js';
import type { CanvasObject } from './object.js';
import { assign, exactBytes, isInteger64, merged, type Props, type Value } from './value.js';

const ID = /^[A-Za-z0-9_-]{1,64}$/;
const MAX_NAME_BYTES = 128;
const MAX_PARENTS = 1_000;

/** What one op did. Both are undefined for an op on an object that does not exist. */
export interface Effect {
  readonly op: Op;
  readonly before: CanvasObject | undefined;
  readonly after: CanvasObject | undefined;
}

/** Why a batch would be refused. */
export interface Refusal {
  readonly code: Code;
  readonly message: string;
  /** Index of the op. */
  readonly op: number;
}

/** `reads`: objects besides those of the ops that the outcome depends on. */
export type Outcome = { readonly reads: ReadonlySet<string> } & (
  | { readonly ok: true; readonly effects: readonly Effect[] }
  | { readonly ok: false; readonly refusal: Refusal }
);

/** The objects that a batch is applied to. */
export interface Ground {
  get(id: string): CanvasObject | undefined;
  /** Whether edits that the server has not yet committed are on this object, so that its `rev` will be another. */
  isPending(id: string): boolean;
}

/** Applies a batch, all or nothing, without changing the ground. */
export function applyOps(ops: readonly Op[], ground: Ground): Outcome {
  const staged = new Map<string, CanvasObject | undefined>();
  const get = (id: string): CanvasObject | undefined => (staged.has(id) ? staged.get(id) : ground.get(id));
  const effects: Effect[] = [];
  const reads = new Set<string>();
  const refuse = (refusal: Refused, op: number): Outcome => ({ ok: false, refusal: { ...refusal, op }, reads });
  for (const [index, op] of ops.entries()) {
    const before = get(op.id);
    const refusal = preconditionOf(op, before, staged.has(op.id) || ground.isPending(op.id));
    const after = refusal ?? applyOp(op, before);
    if (after !== undefined && 'code' in after) return refuse(after, index);
    if (before !== after) staged.set(op.id, after);
    effects.push({ op, before, after });
  }
  for (const [index, op] of ops.entries()) {
    const refusal = parentOf(op) === undefined ? undefined : checkParents(op.id, get, reads);
    if (refusal !== undefined) return refuse(refusal, index);
  }
  return { ok: true, effects, reads };
}

type Refused = Omit<Refusal, 'op'>;

/** @param isChanging an edit that is not committed yet will give the object another `rev` */
function preconditionOf(op: Op, before: CanvasObject | undefined, isChanging: boolean): Refused | undefined {
  const failed = (message: string): Refused => ({ code: 'precondition', message });
  if (op.op !== 'create' && op.if_rev !== undefined) {
    if (before === undefined) return failed(`object ${op.id} does not exist`);
    if (isChanging || before.rev !== op.if_rev) return failed(`object ${op.id} has changed`);
  }
  const present = before && op.if_absent?.find((name) => Object.hasOwn(before.props, name));
  return present === undefined ? undefined : failed(`object ${op.id} has a property ${present}`);
}

function applyOp(op: Op, before: CanvasObject | undefined): CanvasObject | undefined | Refused {
  switch (op.op) {
    case 'create':
      if (before !== undefined) return { code: 'exists', message: `object ${op.id} exists` };
      return { id: op.id, rev: 0, props: op.props ?? {} };
    case 'update':
      return before && { ...before, props: merged(before.props, op.set ?? {}, op.unset) };
    case 'delete':
      return undefined;
    case 'increment': {
      if (before === undefined) return undefined;
      const sum = incremented(before.props, op.prop, op.by);
      if (typeof sum === 'object') return sum;
      const set: Props = {};
      assign(set, op.prop, sum);
      return { ...before, props: merged(before.props, set) };
    }
    case 'lease':
    case 'release':
      return before; // who has it, the server says
  }
}

/** The server's arithmetic: two integers give an integer, anything else a 64-bit float. */
function incremented(props: Readonly<Props>, prop: string, by: number | bigint): number | bigint | Refused {
  const value = Object.hasOwn(props, prop) ? props[prop] : 0;
  if (typeof value !== 'number' && typeof value !== 'bigint') return { code: 'not_a_number', message: `${prop} is not a number` };
  const isFloat = [value, by].some((x) => typeof x === 'number' && !Number.isSafeInteger(x)) || isExactFloat(props, prop);
  if (isFloat) return Number(value) + Number(by);
  const sum = BigInt(value) + BigInt(by);
  if (!isInteger64(sum)) return { code: 'overflow', message: `${prop} would overflow` };
  const number = Number(sum);
  return Number.isSafeInteger(number) ? number : sum;
}

/** A float whose value happens to be integral, which only its bytes tell. */
function isExactFloat(props: Readonly<Props>, prop: string): boolean {
  const type = exactBytes(props, prop)?.[0];
  return type === 0xca || type === 0xcb;
}

/** The parent that an op gives; undefined when it gives none. */
function parentOf(op: Op): Value | undefined {
  if (op.op === 'create') return op.props?.['parent'] ?? undefined;
  return op.op === 'update' ? (op.set?.['parent'] ?? undefined) : undefined;
}

/** @param reads collects the ancestors */
function checkParents(id: string, get: (id: string) => CanvasObject | undefined, reads: Set<string>): Refused | undefined {
  let object = get(id);
  for (let depth = 0; object !== undefined; depth += 1) {
    if (depth >= MAX_PARENTS) return { code: 'too_deep', message: `object ${id} has too many parents` };
    const parent: Value | undefined = object.props['parent'];
    if (typeof parent !== 'string') return undefined;
    if (parent === id) return { code: 'cycle', message: `object ${id} would be its own ancestor` };
    reads.add(parent);
    object = get(parent);
  }
  return undefined;
}

/**
 * Throws what the server would answer to ops that are not valid at all.
 * @throws CanvasError with the code of the refusal
 */
export function checkOps(ops: readonly Op[], limits: OurLimits): void {
  if (ops.length > limits.batch_ops) {
    throw new CanvasError('batch_too_large', `a batch may have ${limits.batch_ops} ops, not ${ops.length}`);
  }
  for (const op of ops) checkOp(op);
}

function checkOp(op: Op): void {
  if (typeof op.id !== 'string' || !ID.test(op.id)) throw new CanvasError('invalid_id', `not an object id: ${String(op.id)}`);
  for (const name of op.if_absent ?? []) checkName(name);
  if (op.op !== 'create' && op.if_rev !== undefined && (!Number.isSafeInteger(op.if_rev) || op.if_rev < 0)) {
    throw new CanvasError('invalid_op', `not a revision: ${op.if_rev}`);
  }
  if (op.op === 'create') {
    checkProps(op.props ?? {});
  } else if (op.op === 'update') {
    checkProps(op.set ?? {});
    for (const name of op.unset ?? []) checkName(name);
    const names = [...Object.keys(op.set ?? {}), ...(op.unset ?? [])];
    if (new Set(names).size < names.length) throw new CanvasError('invalid_property', 'a property is set or unset twice');
  } else if (op.op === 'increment') {
    checkName(op.prop);
    if (typeof op.by !== 'bigint' && !Number.isFinite(op.by)) throw new CanvasError('invalid_op', `not a number: ${op.by}`);
  }
}

function checkProps(props: Readonly<Props>): void {
  for (const name of Object.keys(props)) checkName(name);
  const { type, parent, z } = props;
  if (type !== undefined && typeof type !== 'string') throw new CanvasError('invalid_property', 'a type is text');
  if (parent !== undefined && parent !== null && (typeof parent !== 'string' || !ID.test(parent))) {
    throw new CanvasError('invalid_property', 'a parent is an object id or null');
  }
  if (z !== undefined && (typeof z !== 'string' || !isOrderKey(z))) {
    throw new CanvasError('invalid_order_key', `not an order key: ${String(z)}`);
  }
}

function checkName(name: string): void {
  const bytes = typeof name === 'string' ? new TextEncoder().encode(name).length : 0;
  if (name === LEASE) throw new CanvasError('invalid_property', `${LEASE} belongs to leases`);
  if (bytes < 1 || bytes > MAX_NAME_BYTES) {
    throw new CanvasError('invalid_property', `a property's name has 1 to ${MAX_NAME_BYTES} bytes`);
  }
}
