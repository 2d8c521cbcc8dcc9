/** A canvas's keeper, if it has one: what is taken over when the canvas opens, and what is kept from then on. */
import type { Batch } from './batch.js';
import type { Keeper } from './keeper.js';
import type { Sync } from './sync.js';

export class Keeping {
  /** What an earlier page has left is taken over. */
  #isOpened = false;
  #opening: Promise<string | undefined> | undefined;
  readonly #keeper: Keeper | undefined;
  readonly #url: string;
  readonly #sync: Sync;

  constructor(keeper: Keeper | undefined, url: string, sync: Sync) {
    this.#keeper = keeper;
    this.#url = url;
    this.#sync = sync;
  }

  /**
   * Takes over what an earlier page has left; at once without a keeper.
   * @param kept called whenever more is kept than before
   * @returns that page's client id
   */
  open(kept: () => void): Promise<string | undefined> {
    this.#opening ??= this.#adopt(kept);
    return this.#opening;
  }

  /** Something may have changed. */
  keep(clientId: string): void {
    if (this.#keeper === undefined || !this.#isOpened) return;
    const { author, pending, position, replica, undoing } = this.#sync;
    this.#keeper.keep({
      clientId,
      author,
      savedCid: pending.savedCid,
      highestCid: pending.highestCid,
      batches: pending.all,
      position,
      objects: replica.confirmed,
      touched: replica.takeTouched(),
      undo: undoing.steps,
    });
  }

  /** Whether a batch may be sent. */
  readonly mayGo = (batch: Batch): boolean => this.#keeper?.isKept(batch) ?? true;

  /** Whether all that is pending outlives the page. */
  get isComplete(): boolean {
    const keeper = this.#keeper;
    return keeper?.isBroken === false && this.#sync.pending.all.every((batch) => keeper.isKept(batch));
  }

  close(): void {
    this.#keeper?.close(this.#sync.pending.all.length === 0);
  }

  async #adopt(kept: () => void): Promise<string | undefined> {
    const found = await this.#keeper?.open(this.#url, kept);
    if (found !== undefined) this.#sync.adopt(found);
    this.#isOpened = true;
    return found?.clientId;
  }
}
