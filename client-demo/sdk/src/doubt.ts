/**
 * How long to wait before a breach of the promise is believed.
 *
 * A node that was cut off may, for a moment, know less than another node has said. Acting on that would tell the user of a loss that is none and,
 * because a new client id numbers from 1, apply batches twice. So the client comes back, with the same id, until the answer has stayed the same.
 */
const MILLISECONDS = 30_000;
const TIMES = 3;

export class Doubt {
  #since: number | undefined;
  #times = 0;

  /** The server has once more said what cannot be. @returns whether it is to be believed */
  isBelieved(now: number): boolean {
    this.#since ??= now;
    this.#times += 1;
    return this.#times >= TIMES && now - this.#since >= MILLISECONDS;
  }

  clear(): void {
    this.#since = undefined;
    this.#times = 0;
  }
}
