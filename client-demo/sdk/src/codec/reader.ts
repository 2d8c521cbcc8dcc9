/**
 * MessagePack decoder. Owns nothing but a position in a buffer; binary values are views into that buffer.
 *
 * While it decodes it knows whether encoding the result again would give the same bytes (`exact`). Where it would not, the
 * bytes of a map's entry are left beside that map (`keepExact`), which is what keeps values byte for byte.
 */
import { serverError, type CanvasError } from '../errors.js';
import { Ext, FIXED_EXT, Opaque, assign, keepExact, type Props, type Value } from '../value.js';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** Values nest at most 32 deep (`limits.value_depth`), messages a handful more. */
const MAX_DEPTH = 100;

const broken = (what: string): CanvasError => serverError(`broken MessagePack: ${what}`);

/** What the shorter forms of sizes and integers can hold: an encoder takes a longer one only above that. */
const TEXT = [0x1f, 0xff, 0xffff] as const;
const BINARY = [-1, 0xff, 0xffff] as const;
const CONTAINER = [0x0f, 0xffff] as const;
const UNSIGNED = [0x7f, 0xff, 0xffff] as const;

export class Reader {
  #pos = 0;
  readonly #view: DataView;
  /** True as long as everything read since it was last set would be encoded to the bytes it was read from. */
  #exact = true;
  readonly #bytes: Uint8Array;

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

  /**
   * Reads one value.
   * @throws CanvasError `server_error` when the bytes are not MessagePack
   */
  value(depth = 0): Value {
    if (depth > MAX_DEPTH) throw broken('nested too deeply');
    const start = this.#pos;
    const lead = this.#u8();
    if (lead < 0x80) return lead;
    if (lead < 0x90) return this.#map(lead & 0x0f, start, depth);
    if (lead < 0xa0) return this.#array(lead & 0x0f, depth);
    if (lead < 0xc0) return this.#text(lead & 0x1f, start);
    if (lead >= 0xe0) return lead - 0x100;
    return this.#tagged(lead, start, depth);
  }

  #tagged(lead: number, start: number, depth: number): Value {
    switch (lead) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: case 0xc5: case 0xc6:
        return this.#take(this.#size(lead - 0xc4, BINARY));
      case 0xc7: case 0xc8: case 0xc9:
        return this.#extension(this.#size(lead - 0xc7, BINARY));
      case 0xca:
        this.#exact = false;
        return this.#view.getFloat32(this.#advance(4));
      case 0xcb: return this.#float();
      case 0xcc: case 0xcd: case 0xce:
        return this.#size(lead - 0xcc, UNSIGNED);
      case 0xcf: return this.#wide(this.#view.getBigUint64(this.#advance(8)), 0xffff_ffffn);
      case 0xd0: return this.#negative(this.#view.getInt8(this.#advance(1)), -0x20);
      case 0xd1: return this.#negative(this.#view.getInt16(this.#advance(2)), -0x80);
      case 0xd2: return this.#negative(this.#view.getInt32(this.#advance(4)), -0x8000);
      case 0xd3: return this.#wide(this.#view.getBigInt64(this.#advance(8)), undefined);
      case 0xd4: case 0xd5: case 0xd6: case 0xd7: case 0xd8:
        return new Ext(this.#view.getInt8(this.#advance(1)), this.#take(1 << (lead - 0xd4)));
      case 0xd9: case 0xda: case 0xdb:
        return this.#text(this.#size(lead - 0xd9, TEXT), start);
      case 0xdc: case 0xdd:
        return this.#array(this.#size(lead - 0xdc, CONTAINER), depth);
      case 0xde: case 0xdf:
        return this.#map(this.#size(lead - 0xde, CONTAINER), start, depth);
      default:
        throw broken(`type byte ${lead}`);
    }
  }

  #negative(value: number, shorterFrom: number): number {
    if (value >= shorterFrom) this.#exact = false;
    return value;
  }

  /** A 64-bit integer; `shorterUpTo` is given for the unsigned form. */
  #wide(value: bigint, shorterUpTo: bigint | undefined): number | bigint {
    if (shorterUpTo === undefined ? value >= -0x8000_0000n : value <= shorterUpTo) this.#exact = false;
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  #float(): number {
    const value = this.#view.getFloat64(this.#advance(8));
    // The encoder writes an integral number as an integer, and a NaN may carry a payload that JavaScript drops.
    if (Number.isNaN(value) || (Number.isSafeInteger(value) && !Object.is(value, -0))) this.#exact = false;
    return value;
  }

  #text(size: number, start: number): Value {
    const from = this.#advance(size);
    const ascii = size <= 24 ? this.#ascii(from, size) : undefined;
    if (ascii !== undefined) return ascii;
    try {
      return utf8.decode(this.#bytes.subarray(from, from + size));
    } catch {
      return new Opaque(this.#bytes.slice(start, this.#pos));
    }
  }

  /** Short text is decoded faster by hand than by a call into the platform; undefined when it is not ASCII. */
  #ascii(from: number, size: number): string | undefined {
    let text = '';
    for (let i = from; i < from + size; i += 1) {
      const unit = this.#bytes[i] as number;
      if (unit >= 0x80) return undefined;
      text += String.fromCharCode(unit);
    }
    return text;
  }

  #array(size: number, depth: number): Value[] {
    // Every element takes a byte at least, so a size beyond the buffer is a lie that must not become an allocation.
    if (size > this.#bytes.length - this.#pos) throw broken('it ends too early');
    const items = new Array<Value>(size);
    for (let i = 0; i < size; i += 1) items[i] = this.value(depth + 1);
    return items;
  }

  #map(size: number, start: number, depth: number): Value {
    const result: Props = {};
    const before = this.#exact;
    let exact = before;
    let isPlain = true;
    for (let i = 0; i < size; i += 1) {
      const key = this.value(depth + 1);
      exact &&= this.#exact;
      this.#exact = true;
      const from = this.#pos;
      const value = this.value(depth + 1);
      if (typeof key !== 'string' || (result[key] !== undefined && Object.hasOwn(result, key))) {
        isPlain = false;
        continue;
      }
      if (size > 1 && movesToFront(key)) exact = false;
      assign(result, key, value);
      if (!this.#exact) {
        exact = false;
        keepExact(result, key, this.#bytes.subarray(from, this.#pos));
      }
    }
    // JavaScript has no map with such keys: the whole value stays as it is, and is exact for that.
    this.#exact = isPlain ? exact : before;
    return isPlain ? result : new Opaque(this.#bytes.slice(start, this.#pos));
  }

  #extension(size: number): Ext {
    if (FIXED_EXT.includes(size)) this.#exact = false;
    return new Ext(this.#view.getInt8(this.#advance(1)), this.#take(size));
  }

  /** A size, or an unsigned integer, in 1, 2 or 4 bytes. @param shorter what the forms before this one can hold */
  #size(form: number, shorter: readonly number[]): number {
    // Containers have no form of one byte.
    const width = form + 3 - shorter.length;
    const at = this.#advance(1 << width);
    const size = width === 0 ? (this.#bytes[at] as number) : width === 1 ? this.#view.getUint16(at) : this.#view.getUint32(at);
    if (size <= (shorter[form] as number)) this.#exact = false;
    return size;
  }

  #take(size: number): Uint8Array {
    const from = this.#advance(size);
    return this.#bytes.subarray(from, from + size);
  }

  #u8(): number {
    return this.#bytes[this.#advance(1)] as number;
  }

  /** Moves on by `size` bytes and returns the position before. */
  #advance(size: number): number {
    const from = this.#pos;
    if (from + size > this.#bytes.length) throw broken('it ends too early');
    this.#pos = from + size;
    return from;
  }
}

/** JavaScript puts keys that look like array indices before all others, which changes the order of a map. */
function movesToFront(key: string): boolean {
  const first = key.charCodeAt(0);
  return first >= 48 && first <= 57;
}
