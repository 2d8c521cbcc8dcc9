/** The gaps that one missing batch makes a server tell of: one for each batch that was under way behind it. Only the first makes us go back. Pure. */
export class Echoes {
  #expected: number | undefined;
  #left = 0;

  /**
   * A gap was told of.
   * @param cursor the cid that would have been sent next: behind the missing batch, all below it are under way
   * @returns whether it is only one more of a gap that is known
   */
  isOne(expected: number, cursor: number): boolean {
    if (this.#expected === expected && this.#left > 0) {
      this.#left -= 1;
      return true;
    }
    // This gap was one of theirs.
    [this.#expected, this.#left] = [expected, cursor - expected - 2];
    return false;
  }

  /** A batch was answered otherwise: one less that can still cause a gap. */
  answered(cid: number): void {
    if (this.#expected !== undefined && cid > this.#expected) this.#left -= 1;
  }
}
