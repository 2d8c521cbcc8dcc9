/** All leases of a page. */
import { HeldLease, type LeaseOptions } from './held-lease.js';
import type { Op } from './protocol.js';
import type { Receipt } from './receipt.js';
import type { Runtime } from './runtime.js';

export class Leases {
  readonly #held = new Set<HeldLease>();
  readonly #runtime: Runtime;
  readonly #submit: (ops: readonly Op[]) => Receipt;

  constructor(
    runtime: Runtime,
    submit: (ops: readonly Op[]) => Receipt,
  ) {
    this.#runtime = runtime;
    this.#submit = submit;
  }

  /** @throws CanvasError `leased`, `forbidden` */
  ask(ids: readonly string[], options: LeaseOptions): HeldLease {
    for (const old of this.#held) if (old.isOver) this.#held.delete(old);
    const lease = new HeldLease(ids, options, this.#runtime, this.#submit);
    this.#held.add(lease);
    return lease;
  }

  /** The page stops: what it holds ends with its session. */
  stop(): void {
    for (const lease of this.#held) lease.stop();
  }
}
