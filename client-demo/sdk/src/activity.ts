/**
 * Whether the user is at work, from what they really do: hands on the page, or a page that nobody sees.
 *
 * Says `away` for a hidden page only after a while, so that a glance at another tab is not told to everybody. Timers of hidden pages run late, which
 * does no harm here.
 */
import type { Runtime } from './runtime.js';

/** What others see of a user; `offline` is said of somebody whose connection has just ended. */
export type Attendance = 'active' | 'idle' | 'away' | 'offline';

const IDLE_MS = 60_000;
const AWAY_MS = 300_000;
const HIDDEN_MS = 10_000;

export class Activity {
  state: Attendance = 'active';
  #touchedAt: number;
  #hiddenAt = Infinity;
  #cancelTimer: (() => void) | undefined;
  readonly #runtime: Runtime;
  readonly #tell: (state: Attendance) => void;

  /** @param tell hears of every new state */
  constructor(runtime: Runtime, tell: (state: Attendance) => void) {
    this.#runtime = runtime;
    this.#tell = tell;
    this.#touchedAt = runtime.now();
    this.#look();
  }

  /** The user did something. */
  touched(): void {
    this.#touchedAt = this.#runtime.now();
    // The timer that is set looks again in time; only somebody who was not there comes back at once.
    if (this.state !== 'active') this.#look();
  }

  /** The page is seen, or no longer. */
  seen(isSeen: boolean): void {
    const now = this.#runtime.now();
    this.#hiddenAt = isSeen ? Infinity : now;
    if (isSeen) this.#touchedAt = now;
    this.#look();
  }

  stop(): void {
    this.#cancelTimer?.();
  }

  #look(): void {
    const now = this.#runtime.now();
    const [still, hidden] = [now - this.#touchedAt, now - this.#hiddenAt];
    const state = still >= AWAY_MS || hidden >= HIDDEN_MS ? 'away' : still >= IDLE_MS ? 'idle' : 'active';
    this.#cancelTimer?.();
    const waits = [IDLE_MS - still, AWAY_MS - still, HIDDEN_MS - hidden].filter((ms) => ms > 0 && Number.isFinite(ms));
    this.#cancelTimer = waits.length === 0 ? undefined : this.#runtime.timer(Math.min(...waits), () => this.#look());
    if (state === this.state) return;
    this.state = state;
    this.#tell(state);
  }
}
