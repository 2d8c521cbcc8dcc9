/** Runs a job at most once per interval: at once after a quiet time, otherwise as soon as the interval is over. */
import type { Runtime } from './runtime.js';

export interface Job {
  /** Whether there is anything to do at all; if not, nothing waits. */
  hasWork(): boolean;
  /** False while the way out is blocked: asked again an interval later. */
  isFree(): boolean;
  /** Milliseconds since 1970 before which it must not run. */
  notBefore(): number;
  /** @returns false when nothing could be done yet: what waits for something else shall not wait for the interval as well */
  run(): boolean | void;
}

export class Pacer {
  #ranAt = -Infinity;
  #cancelTimer: (() => void) | undefined;
  readonly #runtime: Runtime;
  readonly #job: Job;

  constructor(
    runtime: Runtime,
    public intervalMs: number,
    job: Job,
  ) {
    this.#runtime = runtime;
    this.#job = job;
  }

  /** There may be something to do. */
  request(): void {
    if (this.#cancelTimer !== undefined || !this.#job.hasWork()) return;
    const now = this.#runtime.now();
    const due = Math.max(this.#ranAt + this.intervalMs, this.#job.notBefore());
    if (due <= now && this.#job.isFree()) return this.run();
    this.#cancelTimer = this.#runtime.timer(due > now ? due - now : this.intervalMs, () => {
      this.#cancelTimer = undefined;
      this.request();
    });
  }

  /** Runs now, without regard to the interval. */
  run(): void {
    this.cancel();
    if (this.#job.hasWork() && this.#job.run() !== false) this.#ranAt = this.#runtime.now();
  }

  cancel(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }
}
