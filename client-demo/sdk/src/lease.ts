/** Leases (PROTOCOL §3): who alone may change an object for a while. Pure. */
import type { Value } from './value.js';

/** The property that holds it on the wire; applications never see it among an object's props. */
export const LEASE = '$lease';

/** An object's lease, over or not. */
export interface Lease {
  /** The author who has it, as in `canvas.author` and `Peer.author`. */
  readonly by: string;
  /** Grows with every new lease of the object; a renewal keeps it. */
  readonly token: number;
  /** When it is over unless it is renewed, by the server's clock, in milliseconds since 1970. */
  readonly until: number;
}

/** The lease that a property holds; undefined for none. */
export function leaseOf(value: Value | undefined): Lease | undefined {
  if (!Array.isArray(value)) return undefined;
  const [by, token, until] = value;
  if (typeof by !== 'string' || typeof token !== 'number' || typeof until !== 'number') return undefined;
  return { by, token, until };
}
