/** A lease that this page holds, or tries to: asked for, renewed, lost, released. Sends nothing itself. */
import { asCanvasError, CanvasError } from './errors.js';
import type { Op } from './protocol.js';
import type { Receipt } from './receipt.js';
import type { Runtime } from './runtime.js';

/** `asked`: the server has not answered · `held` · `lost`: somebody else has it, or it ran out while there was no connection · `released` */
export type LeaseState = 'asked' | 'held' | 'lost' | 'released';

/** How objects are leased. */
export interface LeaseOptions {
  /** How long it lasts when this page falls silent, in milliseconds. Default 10,000; renewed as long as it is held. */
  readonly ttlMs?: number;
  /** It is lost, after it was held. */
  readonly lost?: (error: CanvasError) => void;
}

/** Objects that only this page may change, until it releases them, goes away or falls silent. */
export class HeldLease {
  /** How it stands. */
  state: LeaseState = 'asked';
  /** Fulfilled when all objects are leased. @throws CanvasError `leased` when somebody else has one of them; then none is */
  readonly held: Promise<void>;
  #cancelRenewal: (() => void) | undefined;
  #cancelEnd: (() => void) | undefined;
  readonly #ttlMs: number;
  readonly #options: LeaseOptions;
  readonly #runtime: Runtime;
  readonly #submit: (ops: readonly Op[]) => Receipt;
  readonly #leases: Set<HeldLease>;

  /** @param leases all of the page that are not over */
  constructor(
    /** The objects. */
    readonly ids: readonly string[],
    options: LeaseOptions,
    runtime: Runtime,
    submit: (ops: readonly Op[]) => Receipt,
    leases: Set<HeldLease>,
  ) {
    this.#options = options;
    this.#runtime = runtime;
    this.#submit = submit;
    this.#leases = leases;
    this.#ttlMs = options.ttlMs ?? 10_000;
    this.held = this.#answered(this.#ask(), this.#runtime.now());
    leases.add(this);
    // Who does not wait for it looks at the state.
    this.held.catch(() => undefined);
  }

  /** Whether there is nothing more to come. */
  get isOver(): boolean {
    return this.state === 'lost' || this.state === 'released';
  }

  /** Lets others change the objects again. */
  release(): void {
    if (this.isOver) return;
    this.#end('released');
    try {
      this.#submit(this.ids.map((id) => ({ op: 'release', id })));
    } catch {
      // Who may not edit any more cannot release it either: it runs out.
    }
  }

  /** The page stops: what it holds ends with its session. */
  stop(): void {
    if (!this.isOver) this.#end('released');
  }

  #ask(): Receipt {
    return this.#submit(this.ids.map((id) => ({ op: 'lease', id, ttl_ms: this.#ttlMs })));
  }

  #renew(): void {
    try {
      // That it is lost, `lost` tells.
      this.#answered(this.#ask(), this.#runtime.now()).catch(() => undefined);
    } catch (error) {
      this.#lose(asCanvasError(error));
    }
  }

  async #answered({ accepted }: Receipt, askedAt: number): Promise<void> {
    try {
      await accepted;
    } catch (error) {
      this.#lose(asCanvasError(error));
      throw error;
    }
    if (this.isOver) return;
    this.state = 'held';
    this.#cancelEnd?.();
    this.#cancelEnd = this.#runtime.timer(Math.max(0, askedAt + this.#ttlMs - this.#runtime.now()), () => {
      this.#lose(new CanvasError('leased', 'the lease ran out'));
    });
    this.#cancelRenewal = this.#runtime.timer(this.#ttlMs / 3, () => this.#renew());
  }

  #lose(error: CanvasError): void {
    const was = this.state;
    if (this.isOver) return;
    this.#end('lost');
    if (was === 'held') this.#options.lost?.(error);
  }

  #end(state: LeaseState): void {
    this.state = state;
    this.#leases.delete(this);
    this.#cancelRenewal?.();
    this.#cancelEnd?.();
  }
}
