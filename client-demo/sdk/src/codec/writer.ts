/** MessagePack encoder: always the shortest form, except for values whose exact bytes are known (`value.ts`). */
import { CanvasError } from '../errors.js';
import { Ext, Opaque, exactEntries } from '../value.js';

const encoder = new TextEncoder();
/** Deeper than any message of the protocol; stops a value that contains itself. */
const MAX_DEPTH = 100;

/** A growing buffer of MessagePack. */
export class Writer {
  private bytes: Uint8Array<ArrayBuffer>;
  private view: DataView;
  private pos = 0;

  constructor(capacity = 256) {
    this.bytes = new Uint8Array(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  /** What has been written, as a copy. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(0, this.pos);
  }

  /**
   * Writes any value.
   * @param room how many containers may still nest
   * @throws CanvasError `invalid_value` for what MessagePack has no form for, and for too deep nesting
   */
  value(value: unknown, room = MAX_DEPTH): void {
    switch (typeof value) {
      case 'string':
        return this.text(value);
      case 'number':
        return Number.isSafeInteger(value) && !Object.is(value, -0) ? this.integer(value) : this.float(value);
      case 'boolean':
        return this.byte(value ? 0xc3 : 0xc2);
      case 'bigint':
        return this.bigint(value);
      case 'object':
        return value === null ? this.byte(0xc0) : this.object(value, room);
      default:
        throw new CanvasError('invalid_value', `a ${typeof value} is not a value`);
    }
  }

  /** Writes bytes that are MessagePack already. */
  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.pos);
    this.pos += bytes.length;
  }

  arrayHeader(size: number): void {
    this.header(size, 0x90, 16, undefined, 0xdc, 0xdd);
  }

  mapHeader(size: number): void {
    this.header(size, 0x80, 16, undefined, 0xde, 0xdf);
  }

  text(text: string): void {
    // Three bytes per UTF-16 unit is the most that UTF-8 needs; short text is written in place behind its header.
    if (text.length < 11) {
      this.reserve(1 + text.length * 3);
      const { written } = encoder.encodeInto(text, this.bytes.subarray(this.pos + 1));
      if (written < 32) {
        this.view.setUint8(this.pos, 0xa0 + written);
        this.pos += 1 + written;
        return;
      }
    }
    const bytes = encoder.encode(text);
    this.header(bytes.length, 0xa0, 32, 0xd9, 0xda, 0xdb);
    this.raw(bytes);
  }

  /** Writes a 64-bit float, also when the number is integral. */
  float(value: number): void {
    this.reserve(9);
    this.view.setUint8(this.pos, 0xcb);
    this.view.setFloat64(this.pos + 1, value);
    this.pos += 9;
  }

  /** Writes an integer of up to 64 bits. */
  bigint(value: bigint): void {
    if (value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)) {
      return this.integer(Number(value));
    }
    if (value > 0xffff_ffff_ffff_ffffn || value < -0x8000_0000_0000_0000n) {
      throw new CanvasError('invalid_value', 'an integer needs more than 64 bits');
    }
    this.reserve(9);
    this.view.setUint8(this.pos, value < 0n ? 0xd3 : 0xcf);
    this.view.setBigUint64(this.pos + 1, BigInt.asUintN(64, value));
    this.pos += 9;
  }

  private integer(value: number): void {
    this.reserve(9);
    const { view, pos } = this;
    if (value >= 0) {
      if (value < 0x80) return this.byte(value);
      if (value < 0x100) return this.sized(0xcc, 2, () => view.setUint8(pos + 1, value));
      if (value < 0x1_0000) return this.sized(0xcd, 3, () => view.setUint16(pos + 1, value));
      if (value < 0x1_0000_0000) return this.sized(0xce, 5, () => view.setUint32(pos + 1, value));
      return this.sized(0xcf, 9, () => view.setBigUint64(pos + 1, BigInt(value)));
    }
    if (value >= -0x20) return this.byte(value & 0xff);
    if (value >= -0x80) return this.sized(0xd0, 2, () => view.setInt8(pos + 1, value));
    if (value >= -0x8000) return this.sized(0xd1, 3, () => view.setInt16(pos + 1, value));
    if (value >= -0x8000_0000) return this.sized(0xd2, 5, () => view.setInt32(pos + 1, value));
    return this.sized(0xd3, 9, () => view.setBigInt64(pos + 1, BigInt(value)));
  }

  private object(value: object, room: number): void {
    if (value instanceof Uint8Array) return this.binary(value);
    if (value instanceof Opaque) return this.raw(value.bytes);
    if (value instanceof Ext) return this.extension(value);
    if (room <= 0) throw new CanvasError('invalid_value', 'a value is nested too deeply');
    if (Array.isArray(value)) {
      this.arrayHeader(value.length);
      // An index loop: a hole must be refused, and `for … of` on a sparse array yields undefined all the same.
      for (let i = 0; i < value.length; i += 1) this.value(value[i], room - 1);
      return;
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) {
      throw new CanvasError('invalid_value', `a ${value.constructor?.name ?? 'class instance'} is not a value`);
    }
    this.map(value as Record<string, unknown>, room);
  }

  private map(value: Record<string, unknown>, room: number): void {
    const keys = Object.keys(value);
    const exact = exactEntries(value);
    this.mapHeader(keys.length);
    for (const key of keys) {
      this.text(key);
      const bytes = exact?.get(key);
      if (bytes === undefined) this.value(value[key], room - 1);
      else this.raw(bytes);
    }
  }

  private binary(value: Uint8Array): void {
    this.header(value.length, 0, 0, 0xc4, 0xc5, 0xc6);
    this.raw(value);
  }

  private extension(value: Ext): void {
    const { length } = value.data;
    const fixed = [1, 2, 4, 8, 16].indexOf(length);
    if (fixed >= 0) this.byte(0xd4 + fixed);
    else this.header(length, 0, 0, 0xc7, 0xc8, 0xc9);
    this.byte(value.type & 0xff);
    this.raw(value.data);
  }

  /** A header with a size: in the type byte below `fixLimit`, else in the shortest of 8 (if it exists), 16 or 32 bits. */
  private header(size: number, fix: number, fixLimit: number, bits8: number | undefined, bits16: number, bits32: number): void {
    this.reserve(5);
    const { view, pos } = this;
    if (size < fixLimit) return this.byte(fix + size);
    if (bits8 !== undefined && size < 0x100) return this.sized(bits8, 2, () => view.setUint8(pos + 1, size));
    if (size < 0x1_0000) return this.sized(bits16, 3, () => view.setUint16(pos + 1, size));
    return this.sized(bits32, 5, () => view.setUint32(pos + 1, size));
  }

  private sized(type: number, length: number, put: () => void): void {
    this.view.setUint8(this.pos, type);
    put();
    this.pos += length;
  }

  private byte(byte: number): void {
    this.reserve(1);
    this.view.setUint8(this.pos, byte);
    this.pos += 1;
  }

  private reserve(size: number): void {
    const needed = this.pos + size;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.pos));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }
}
