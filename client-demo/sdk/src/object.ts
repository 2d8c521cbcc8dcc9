/** An object of the canvas. */
import { LEASE, leaseOf, type Lease } from './lease.js';
import { merged, settle, type Props } from './value.js';

/** One thing on the canvas, immutable; of one of the kinds that the application names, or with any properties. */
export interface CanvasObject<Kinds = Props> {
  /** Its name, for ever. */
  readonly id: string;
  /** The seq of its last change that the server confirmed; 0 before the first. */
  readonly rev: number;
  /** Its properties, pending edits included. */
  readonly props: Readonly<Kinds>;
  /** The lease that was taken last and not released; it may be over: `canvas.leaseOf` tells. */
  readonly lease?: Lease;
}

/** An object as the server has it. */
export function objectOf(id: string, rev: number, wire: Props): CanvasObject {
  return changedObject({ id, rev, props: {} }, rev, wire);
}

/** The properties as the server has them, the lease among them. */
export function wireProps({ props, lease }: CanvasObject): Readonly<Props> {
  return lease === undefined ? props : merged(props, { [LEASE]: [lease.by, lease.token, lease.until] });
}

/** The object after a change that the server has committed: its lease is kept apart from what the application puts there. */
export function changedObject(object: CanvasObject, rev: number, set: Props, unset: readonly string[] = []): CanvasObject {
  const { id } = object;
  const props = merged(object.props, settle(set), unset);
  const lease = unset.includes(LEASE) ? undefined : (leaseOf(set[LEASE]) ?? object.lease);
  if (Object.hasOwn(props, LEASE)) delete props[LEASE];
  return { id, rev, props, ...(lease !== undefined && { lease }) };
}
