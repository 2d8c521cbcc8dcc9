/**
 * A walk over MessagePack that enters containers one by one, so that their headers are seen, which values do not tell.
 *
 * Only the JSON form needs it. It may be slow: whether a value is exact, it finds out by encoding it again.
 */
import { serverError } from '../errors.js';
import { sameBytes, type Value } from '../value.js';
import { encodeValue } from './frame.js';
import { Reader } from './reader.js';

/** What a container's header says. */
export interface Container {
  readonly map: boolean;
  readonly size: number;
  /** False: the header is longer than it need be. */
  readonly shortest: boolean;
}

export class Walker {
  #pos = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get offset(): number {
    return this.#pos;
  }

  get done(): boolean {
    return this.#pos >= this.#bytes.length;
  }

  /** The type byte of the next value. */
  get lead(): number {
    this.#need(1);
    return this.#view.getUint8(this.#pos);
  }

  /** The bytes from `start` up to the current position; a view. */
  since(start: number): Uint8Array {
    return this.#bytes.subarray(start, this.#pos);
  }

  /** Reads the header of a container; undefined (and nothing read) when the next value is none. */
  container(): Container | undefined {
    const { lead } = this;
    if (lead >= 0x80 && lead < 0xa0) {
      this.#pos += 1;
      return { map: lead < 0x90, size: lead & 0x0f, shortest: true };
    }
    if (lead < 0xdc || lead > 0xdf) return undefined;
    const isWide = (lead & 1) === 1;
    this.#need(isWide ? 5 : 3);
    const size = isWide ? this.#view.getUint32(this.#pos + 1) : this.#view.getUint16(this.#pos + 1);
    this.#pos += isWide ? 5 : 3;
    return { map: lead >= 0xde, size, shortest: size > (isWide ? 0xffff : 15) };
  }

  /** Reads a whole value and says whether encoding it again would give the same bytes. */
  value(): { value: Value; exact: boolean } {
    const start = this.#pos;
    const reader = new Reader(this.#bytes.subarray(start));
    const value = reader.value();
    this.#pos += reader.offset;
    return { value, exact: sameBytes(encodeValue(value), this.since(start)) };
  }

  /** Passes over one value and returns its bytes; a view. */
  skip(): Uint8Array {
    const start = this.#pos;
    for (let left = 1; left > 0; left -= 1) {
      const container = this.container();
      if (container === undefined) this.value();
      else left += container.map ? container.size * 2 : container.size;
    }
    return this.since(start);
  }

  #need(bytes: number): void {
    if (this.#pos + bytes <= this.#bytes.length) return;
    throw serverError('broken MessagePack: it ends too early');
  }
}
