/**
 * MessagePack decoder. Owns nothing but a position in a buffer; binary values are views into that buffer.
 *
 * While it decodes it knows whether encoding the result again would give the same bytes (`exact`). Where it would not, the
 * bytes of a map's entry are left beside that map (`keepExact`), which is what keeps values byte for byte.
 */
import { CanvasError } from '../errors.js';
import { Ext, Opaque, assign, keepExact, type Props, type Value } from '../value.js';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** Values nest at most 32 deep (`limits.value_depth`), messages a handful more. */
const MAX_DEPTH = 100;

const broken = (what: string): CanvasError => new CanvasError('server_error', `broken MessagePack: ${what}`, { retry: true });

/** What a container's header says. */
export interface Container {
  readonly map: boolean;
  readonly size: number;
  /** False: the header is longer than it need be. */
  readonly shortest: boolean;
}

export class Reader {
  private pos = 0;
  private readonly view: DataView;
  /** True as long as everything read since it was last set would be encoded to the bytes it was read from. */
  private exact = true;

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get offset(): number {
    return this.pos;
  }

  get done(): boolean {
    return this.pos >= this.bytes.length;
  }

  /** The type byte of the next value. */
  get lead(): number {
    if (this.done) throw broken('it ends too early');
    return this.view.getUint8(this.pos);
  }

  /** The bytes from `start` up to the current position; a view. */
  since(start: number): Uint8Array {
    return this.bytes.subarray(start, this.pos);
  }

  /** Reads one value and says whether encoding it again would give the same bytes. */
  leaf(): { value: Value; exact: boolean } {
    this.exact = true;
    const value = this.value();
    return { value, exact: this.exact };
  }

  /**
   * Reads one value.
   * @throws CanvasError `server_error` when the bytes are not MessagePack
   */
  value(depth = 0): Value {
    const start = this.pos;
    const lead = this.u8();
    if (lead < 0x80) return lead;
    if (lead < 0x90) return this.map(lead & 0x0f, start, depth);
    if (lead < 0xa0) return this.array(lead & 0x0f, depth);
    if (lead < 0xc0) return this.text(lead & 0x1f, start);
    if (lead >= 0xe0) return lead - 0x100;
    return this.tagged(lead, start, depth);
  }

  /** Reads the header of a container; undefined (and nothing read) when the next value is none. */
  container(): Container | undefined {
    const lead = this.lead;
    if (lead >= 0x80 && lead < 0xa0) {
      this.pos += 1;
      return { map: lead < 0x90, size: lead & 0x0f, shortest: true };
    }
    if (lead < 0xdc || lead > 0xdf) return undefined;
    this.pos += 1;
    const wide = (lead & 1) === 1;
    const size = this.length(wide ? 4 : 2);
    return { map: lead >= 0xde, size, shortest: size > (wide ? 0xffff : 15) };
  }

  /** Passes over one value and returns its bytes; a view. */
  skip(): Uint8Array {
    const start = this.pos;
    for (let left = 1; left > 0; left -= 1) {
      const container = this.container();
      if (container !== undefined) left += container.map ? container.size * 2 : container.size;
      else this.skipLeaf();
    }
    return this.since(start);
  }

  private skipLeaf(): void {
    const lead = this.u8();
    if (lead < 0x80 || lead >= 0xe0 || lead === 0xc0 || lead === 0xc2 || lead === 0xc3) return;
    if (lead < 0xc0) this.take(lead & 0x1f);
    else if (lead >= 0xc4 && lead <= 0xc6) this.take(this.length(1 << (lead - 0xc4)));
    else if (lead >= 0xc7 && lead <= 0xc9) this.take(this.length(1 << (lead - 0xc7)) + 1);
    else if (lead === 0xca) this.take(4);
    else if (lead === 0xcb) this.take(8);
    else if (lead >= 0xcc && lead <= 0xd3) this.take(1 << (lead & 3));
    else if (lead >= 0xd4 && lead <= 0xd8) this.take((1 << (lead - 0xd4)) + 1);
    else if (lead >= 0xd9 && lead <= 0xdb) this.take(this.length(1 << (lead - 0xd9)));
    else throw broken(`type byte ${lead}`);
  }

  private tagged(lead: number, start: number, depth: number): Value {
    switch (lead) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: case 0xc5: case 0xc6:
        return this.sized(1 << (lead - 0xc4), 0);
      case 0xc7: case 0xc8: case 0xc9:
        return this.extension(lead);
      case 0xca:
        this.exact = false;
        return this.view.getFloat32(this.advance(4));
      case 0xcb: return this.float();
      case 0xcc: return this.integer(this.view.getUint8(this.advance(1)), 0x7f);
      case 0xcd: return this.integer(this.view.getUint16(this.advance(2)), 0xff);
      case 0xce: return this.integer(this.view.getUint32(this.advance(4)), 0xffff);
      case 0xcf: return this.wide(this.view.getBigUint64(this.advance(8)), 0xffff_ffffn);
      case 0xd0: return this.negative(this.view.getInt8(this.advance(1)), -0x20);
      case 0xd1: return this.negative(this.view.getInt16(this.advance(2)), -0x80);
      case 0xd2: return this.negative(this.view.getInt32(this.advance(4)), -0x8000);
      case 0xd3: return this.wide(this.view.getBigInt64(this.advance(8)), undefined);
      case 0xd4: case 0xd5: case 0xd6: case 0xd7: case 0xd8:
        return new Ext(this.view.getInt8(this.advance(1)), this.take(1 << (lead - 0xd4)));
      case 0xd9: case 0xda: case 0xdb: {
        const size = this.length(1 << (lead - 0xd9));
        if (size <= [31, 0xff, 0xffff][lead - 0xd9]!) this.exact = false; // the index is 0, 1 or 2
        return this.text(size, start);
      }
      case 0xdc: case 0xdd: {
        const size = this.length(lead === 0xdc ? 2 : 4);
        if (size <= (lead === 0xdc ? 15 : 0xffff)) this.exact = false;
        return this.array(size, depth);
      }
      case 0xde: case 0xdf: {
        const size = this.length(lead === 0xde ? 2 : 4);
        if (size <= (lead === 0xde ? 15 : 0xffff)) this.exact = false;
        return this.map(size, start, depth);
      }
      default:
        throw broken(`type byte ${lead}`);
    }
  }

  private integer(value: number, shorterUpTo: number): number {
    if (value <= shorterUpTo) this.exact = false;
    return value;
  }

  private negative(value: number, shorterFrom: number): number {
    if (value >= shorterFrom) this.exact = false;
    return value;
  }

  /** A 64-bit integer; `shorterUpTo` is given for the unsigned form. */
  private wide(value: bigint, shorterUpTo: bigint | undefined): number | bigint {
    if (shorterUpTo === undefined ? value >= -0x8000_0000n : value <= shorterUpTo) this.exact = false;
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  private float(): number {
    const value = this.view.getFloat64(this.advance(8));
    // The encoder writes an integral number as an integer, and a NaN may carry a payload that JavaScript drops.
    if (Number.isNaN(value) || (Number.isSafeInteger(value) && !Object.is(value, -0))) this.exact = false;
    return value;
  }

  private text(size: number, start: number): Value {
    const from = this.advance(size);
    const ascii = size <= 24 ? this.ascii(from, size) : undefined;
    if (ascii !== undefined) return ascii;
    try {
      return utf8.decode(this.bytes.subarray(from, from + size));
    } catch {
      return new Opaque(this.bytes.slice(start, this.pos));
    }
  }

  /** Short text is decoded faster by hand than by a call into the platform; undefined when it is not ASCII. */
  private ascii(from: number, size: number): string | undefined {
    let text = '';
    for (let i = from; i < from + size; i += 1) {
      const unit = this.bytes[i] as number;
      if (unit >= 0x80) return undefined;
      text += String.fromCharCode(unit);
    }
    return text;
  }

  private array(size: number, depth: number): Value[] {
    if (depth >= MAX_DEPTH) throw broken('nested too deeply');
    // Every element takes a byte at least, so a size beyond the buffer is a lie that must not become an allocation.
    if (size > this.bytes.length - this.pos) throw broken('it ends too early');
    const items = new Array<Value>(size);
    for (let i = 0; i < size; i += 1) items[i] = this.value(depth + 1);
    return items;
  }

  private map(size: number, start: number, depth: number): Value {
    if (depth >= MAX_DEPTH) throw broken('nested too deeply');
    const result: Props = {};
    let exact = this.exact;
    for (let i = 0; i < size; i += 1) {
      const key = this.key();
      if (key === undefined || (result[key] !== undefined && Object.hasOwn(result, key))) return this.opaque(start, exact);
      exact &&= this.exact && !(size > 1 && movesToFront(key));
      const from = this.pos;
      this.exact = true;
      assign(result, key, this.value(depth + 1));
      if (!this.exact) {
        exact = false;
        keepExact(result, key, this.since(from));
      }
    }
    this.exact = exact;
    return result;
  }

  /** Reads a map's key; undefined when it is not text. */
  private key(): string | undefined {
    const { lead } = this;
    if (!((lead >= 0xa0 && lead < 0xc0) || (lead >= 0xd9 && lead <= 0xdb))) return undefined;
    const key = this.value();
    return typeof key === 'string' ? key : undefined;
  }

  /** Goes back to `start` and takes the whole value as bytes. */
  private opaque(start: number, exact: boolean): Opaque {
    this.pos = start;
    this.exact = exact;
    return new Opaque(this.skip().slice());
  }

  private sized(bytes: number, extra: number): Uint8Array {
    const size = this.length(bytes);
    if (bytes > 1 && size <= (bytes === 2 ? 0xff : 0xffff)) this.exact = false;
    return this.take(size + extra);
  }

  private extension(lead: number): Ext {
    const width = 1 << (lead - 0xc7);
    const body = this.sized(width, 1);
    const size = body.length - 1;
    if (size === 1 || size === 2 || size === 4 || size === 8 || size === 16) this.exact = false;
    return new Ext(((body[0] as number) << 24) >> 24, body.subarray(1));
  }

  private length(width: number): number {
    const at = this.advance(width);
    if (width === 1) return this.view.getUint8(at);
    return width === 2 ? this.view.getUint16(at) : this.view.getUint32(at);
  }

  private take(size: number): Uint8Array {
    const from = this.advance(size);
    return this.bytes.subarray(from, from + size);
  }

  private u8(): number {
    return this.view.getUint8(this.advance(1));
  }

  /** Moves on by `size` bytes and returns the position before. */
  private advance(size: number): number {
    const from = this.pos;
    if (from + size > this.bytes.length) throw broken('it ends too early');
    this.pos = from + size;
    return from;
  }
}

/** JavaScript puts keys that look like array indices before all others, which changes the order of a map. */
function movesToFront(key: string): boolean {
  const first = key.charCodeAt(0);
  return first >= 48 && first <= 57;
}
