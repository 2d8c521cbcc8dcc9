/** Objects that one session alone may change for a while, by the server's clock. Pure. */
import { CanvasError } from './errors.js';
import type { Lease } from './lease.js';
import type { Op } from './protocol.js';

export class Leased {
  /** How much the server's clock is ahead of ours, in milliseconds. */
  serverAhead = 0;
  readonly #leaseOn: (id: string) => Lease | undefined;
  readonly #author: () => string | undefined;

  constructor(leaseOn: (id: string) => Lease | undefined, author: () => string | undefined) {
    this.#leaseOn = leaseOn;
    this.#author = author;
  }

  /** Who alone may change an object now, if anybody. */
  of(id: string, now: number): (Lease & { readonly isOurs: boolean }) | undefined {
    const lease = this.#leaseOn(id);
    if (lease === undefined || lease.until <= now + this.serverAhead) return undefined;
    return { ...lease, isOurs: lease.by === this.#author() };
  }

  /** Whether an op would change what somebody else has. */
  isByOthers({ op, id }: Op, now: number): boolean {
    return op !== 'create' && this.of(id, now)?.isOurs === false;
  }

  /** @throws CanvasError `leased` */
  check(ops: readonly Op[], now: number): void {
    const leased = ops.find((op) => this.isByOthers(op, now));
    if (leased !== undefined) throw new CanvasError('leased', `somebody else is changing object ${leased.id}`);
  }
}
