/** MessagePack encoder: always the shortest form, except for values whose exact bytes are known (`value.ts`). */
import { CanvasError } from '../errors.js';
import { Ext, FIXED_EXT, Opaque, exactEntries, isInteger64 } from '../value.js';

const encoder = new TextEncoder();
/** Deeper than any message of the protocol; stops a value that contains itself. */
const MAX_DEPTH = 100;

/** A growing buffer of MessagePack. */
export class Writer {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #pos = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** What has been written, as a copy. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#pos);
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
        return Number.isSafeInteger(value) && !Object.is(value, -0) ? this.#integer(value) : this.float(value);
      case 'boolean':
        return this.#byte(value ? 0xc3 : 0xc2);
      case 'bigint':
        return this.bigint(value);
      case 'object':
        return value === null ? this.#byte(0xc0) : this.#object(value, room);
      default:
        throw new CanvasError('invalid_value', `a ${typeof value} is not a value`);
    }
  }

  /** Writes bytes that are MessagePack already. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#pos);
    this.#pos += bytes.length;
  }

  arrayHeader(size: number): void {
    this.#header(size, 0x90, 16, 0xdc, 1);
  }

  mapHeader(size: number): void {
    this.#header(size, 0x80, 16, 0xde, 1);
  }

  text(text: string): void {
    // Three bytes per UTF-16 unit is the most that UTF-8 needs; short text is written in place behind its header.
    if (text.length < 11) {
      this.#reserve(1 + text.length * 3);
      const { written } = encoder.encodeInto(text, this.#bytes.subarray(this.#pos + 1));
      if (written < 32) {
        this.#view.setUint8(this.#pos, 0xa0 + written);
        this.#pos += 1 + written;
        return;
      }
    }
    const bytes = encoder.encode(text);
    this.#header(bytes.length, 0xa0, 32, 0xd9);
    this.raw(bytes);
  }

  /** Writes a 64-bit float, also when the number is integral. */
  float(value: number): void {
    this.#reserve(9);
    this.#view.setUint8(this.#pos, 0xcb);
    this.#view.setFloat64(this.#pos + 1, value);
    this.#pos += 9;
  }

  /** Writes an integer of up to 64 bits. */
  bigint(value: bigint): void {
    const number = Number(value);
    if (Number.isSafeInteger(number)) return this.#integer(number);
    if (!isInteger64(value)) throw new CanvasError('invalid_value', 'an integer beyond 64 bits');
    this.#reserve(9);
    this.#view.setUint8(this.#pos, value < 0n ? 0xd3 : 0xcf);
    this.#view.setBigUint64(this.#pos + 1, value);
    this.#pos += 9;
  }

  #integer(value: number): void {
    if (value >= -0x20 && value < 0x80) this.#byte(value & 0xff);
    else this.#number(value < 0 ? 0xd0 : 0xcc, value);
  }

  #object(value: object, room: number): void {
    if (value instanceof Uint8Array) return this.#binary(value);
    if (value instanceof Opaque) return this.raw(value.bytes);
    if (value instanceof Ext) return this.#extension(value);
    if (room <= 0) throw new CanvasError('invalid_value', 'a value is nested too deeply');
    if (Array.isArray(value)) {
      this.arrayHeader(value.length);
      // An index loop: a hole must be refused, and `for … of` on a sparse array yields undefined all the same.
      for (let i = 0; i < value.length; i += 1) this.value(value[i], room - 1);
      return;
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) {
      throw new CanvasError('invalid_value', `a ${value.constructor?.name ?? 'class'} is not a value`);
    }
    this.#map(value as Record<string, unknown>, room);
  }

  #map(value: Record<string, unknown>, room: number): void {
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

  #binary(value: Uint8Array): void {
    this.#header(value.length, 0, 0, 0xc4);
    this.raw(value);
  }

  #extension(value: Ext): void {
    const { length } = value.data;
    const fixed = FIXED_EXT.indexOf(length);
    if (fixed >= 0) this.#byte(0xd4 + fixed);
    else this.#header(length, 0, 0, 0xc7);
    this.#byte(value.type & 0xff);
    this.raw(value.data);
  }

  /** A header with a size: in the type byte itself below `fixLimit`. */
  #header(size: number, fix: number, fixLimit: number, type: number, leastForm = 0): void {
    if (size < fixLimit) this.#byte(fix + size);
    else this.#number(type, size, leastForm);
  }

  /**
   * A type byte, and behind it an integer in the shortest form that can hold it: form 0, 1, 2, 3 has 1, 2, 4, 8 bytes.
   * @param type of the least form; those of the others follow
   */
  #number(type: number, value: number, leastForm = 0): void {
    // A signed integer has half the room, and one more below zero.
    const most = value < 0 ? -2 * value - 1 : value;
    const form = Math.max(leastForm, most < 0x100 ? 0 : most < 0x1_0000 ? 1 : most < 0x1_0000_0000 ? 2 : 3);
    this.#reserve(9);
    this.#byte(type + form - leastForm);
    const [view, at] = [this.#view, this.#pos];
    // These write two's complement, whatever they are called.
    if (form === 0) view.setUint8(at, value);
    else if (form === 1) view.setUint16(at, value);
    else if (form === 2) view.setUint32(at, value);
    else view.setBigUint64(at, BigInt(value));
    this.#pos = at + (1 << form);
  }

  #byte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#pos] = byte;
    this.#pos += 1;
  }

  #reserve(size: number): void {
    const needed = this.#pos + size;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#pos));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
