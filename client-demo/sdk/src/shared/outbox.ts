/** Who has how much waiting in a socket that many send through: first in, first out, counted in payload bytes. Pure. */

export class Outbox<Key> {
  readonly #waiting: { readonly key: Key | undefined; readonly size: number; readonly end: number }[] = [];
  /** Bytes that were ever given to the socket. */
  #given = 0;

  /** Whether something may not have left yet. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /**
   * @param bytes that the socket counts for it
   * @param size that its sender counts for it
   * @param key undefined for what nobody waits for
   */
  push(key: Key | undefined, bytes: number, size: number): void {
    this.#given += bytes;
    this.#waiting.push({ key, size, end: this.#given });
  }

  /** What has left by now, by sender. @param buffered the socket's `bufferedAmount` */
  left(buffered: number): Map<Key, number> {
    const gone = this.#given - buffered;
    const count = this.#waiting.findIndex(({ end }) => end > gone);
    const left = new Map<Key, number>();
    for (const { key, size } of this.#waiting.splice(0, count < 0 ? Infinity : count)) {
      if (key !== undefined) left.set(key, (left.get(key) ?? 0) + size);
    }
    return left;
  }
}
