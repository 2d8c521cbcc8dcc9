/** Seeded randomness for tests. */
import { Ext, type Value } from '../src/value.js';

export class Random {
  constructor(private state: number) {}

  /** In [0, 1); mulberry32. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  /** An integer in [0, n). */
  below(n: number): number {
    return Math.floor(this.next() * n);
  }

  chance(p: number): boolean {
    return this.next() < p;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  bytes(n: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length: n }, () => this.below(256));
  }
}

const NUMBERS = [0, 1, -1, 31, 32, 127, 128, 255, 256, 65535, 65536, -32, -33, -128, -129, -32768, -32769, 2 ** 31, -(2 ** 31), -(2 ** 31) - 1,
  2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, -(2 ** 53 - 1), -0, 0.5, -1.25, 1e300, 5e-324, 2 ** 53, 1e21, Infinity, -Infinity, NaN];
const BIGINTS = [2n ** 53n, 2n ** 63n, 2n ** 64n - 1n, -(2n ** 53n), -(2n ** 63n), 2n ** 53n + 1n];
const TEXTS = ['', 'a', 'hé🎉', '\uFEFFbom', 'x'.repeat(31), 'y'.repeat(32), 'ü'.repeat(200), 'q"\\\n\u0001', '__proto__', '12', '$mp'];

/** Any value that an application may write. */
export function randomValue(random: Random, depth = 3): Value {
  switch (random.below(depth > 0 ? 12 : 9)) {
    case 0: return null;
    case 1: return random.chance(0.5);
    case 2: return random.pick(NUMBERS);
    case 3: return random.pick(BIGINTS);
    case 4: return random.pick(TEXTS);
    case 5: return random.bytes(random.pick([0, 1, 16, 255, 256, 300]));
    case 6: return new Ext(random.below(256) - 128, random.bytes(random.pick([0, 1, 2, 3, 4, 8, 16, 17, 300])));
    case 7: return (random.next() - 0.5) * 10 ** random.below(20);
    case 8: return random.below(2 ** 31) - 2 ** 30;
    case 9: return Array.from({ length: random.pick([0, 1, 2, 15, 16, 20]) }, () => randomValue(random, depth - 1));
    default: {
      const map: Record<string, Value> = Object.create(null) as Record<string, Value>;
      for (let i = random.pick([0, 1, 2, 3, 17]); i > 0; i -= 1) map[random.pick(TEXTS) + random.below(9)] = randomValue(random, depth - 1);
      return { ...map };
    }
  }
}

/** MessagePack that no sane encoder writes, but that a server keeps byte for byte. */
export function randomBytesValue(random: Random, depth = 3): Uint8Array {
  const be = (value: bigint, width: number): number[] => Array.from({ length: width }, (_, i) => Number((value >> BigInt(8 * (width - 1 - i))) & 255n));
  const sized = (base: number, first: number, size: number): number[] => {
    const width = random.pick([1, 2, 4].slice(first));
    return [base + [1, 2, 4].indexOf(width) - first, ...be(BigInt(size), width)];
  };
  const concat = (...parts: (readonly number[] | Uint8Array)[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));
  switch (random.below(depth > 0 ? 11 : 9)) {
    case 0: return Uint8Array.of(random.pick([0xc0, 0xc2, 0xc3, 0x00, 0x7f, 0xe0, 0xff]));
    case 1: {
      const width = random.pick([1, 2, 4, 8]);
      return concat([0xcc + [1, 2, 4, 8].indexOf(width)], random.chance(0.5) ? be(BigInt(random.below(200)), width) : random.bytes(width));
    }
    case 2: {
      const width = random.pick([1, 2, 4, 8]);
      return concat([0xd0 + [1, 2, 4, 8].indexOf(width)], random.chance(0.5) ? be(BigInt(random.below(100)), width) : random.bytes(width));
    }
    case 3: return concat([0xca], random.bytes(4));
    case 4: {
      const view = new DataView(new ArrayBuffer(9));
      view.setUint8(0, 0xcb);
      view.setFloat64(1, random.pick(NUMBERS));
      return new Uint8Array(view.buffer);
    }
    case 5: {
      const text = new TextEncoder().encode(random.pick(TEXTS));
      return concat(sized(0xd9, 0, text.length > 255 ? 255 : text.length), text.length > 255 ? text.slice(0, 255) : text);
    }
    case 6: return concat([0xa3], random.bytes(3));
    case 7: {
      const size = random.below(20);
      return concat(sized(0xc4, 0, size), random.bytes(size));
    }
    case 8: {
      const size = random.below(20);
      return concat(sized(0xc7, 0, size), random.bytes(size + 1));
    }
    case 9: {
      const size = random.below(4);
      const items = Array.from({ length: size }, () => randomBytesValue(random, depth - 1));
      return concat(random.chance(0.5) ? [0x90 + size] : sized(0xdc, 1, size), ...items);
    }
    default: {
      const size = random.below(4);
      const entries = Array.from({ length: size }, () => {
        const key = random.chance(0.8) ? concat([0xa2], [97 + random.below(2), 48 + random.below(3)]) : randomBytesValue(random, depth - 1);
        return concat(key, randomBytesValue(random, depth - 1));
      });
      return concat(random.chance(0.5) ? [0x80 + size] : sized(0xde, 1, size), ...entries);
    }
  }
}

