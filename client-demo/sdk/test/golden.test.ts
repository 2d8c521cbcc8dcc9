/** The golden files that the Rust tests read as well. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CLOSE_RULES } from '../src/close.js';
import { decodeMessage, decodeValue, encodeValue, Names } from '../src/codec/frame.js';
import { jsonFromMsgpack, msgpackFromJson } from '../src/codec/json.js';
import { Walker } from '../src/codec/walker.js';
import { isOrderKey, keyBetween } from '../src/order-keys.js';

/** A golden file's text. A missing one is a failure with this very sentence, not a skip. */
function golden(name: string): string {
  try {
    return readFileSync(new URL(`../../../tests/golden/${name}`, import.meta.url), 'utf8');
  } catch {
    throw new Error(`tests/golden/${name} is missing: the Rust tests write and check it, and this test reads the same file`);
  }
}

interface GoldenFrame {
  name: string;
  from: 'client' | 'server';
  json: string;
  msgpack: string;
}

/** `JSON.parse` would turn 1.0 into 1, so the message's text is cut out of the file by way of its MessagePack. */
function frames(file = 'frames.json'): GoldenFrame[] {
  const list = new Walker(msgpackFromJson(golden(file)));
  const result: GoldenFrame[] = [];
  for (let left = list.container()?.size ?? 0; left > 0; left -= 1) {
    const entry: Record<string, string> = {};
    for (let keys = list.container()?.size ?? 0; keys > 0; keys -= 1) {
      const key = String(list.value().value);
      entry[key] = key === 'json' ? jsonFromMsgpack(list.skip()) : String(list.value().value);
    }
    result.push(entry as unknown as GoldenFrame);
  }
  return result;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

describe('golden frames', () => {
  it('are there, from both sides', () => {
    const all = frames();
    expect(all.filter((frame) => frame.from === 'client').length).toBeGreaterThan(5);
    expect(all.filter((frame) => frame.from === 'server').length).toBeGreaterThan(10);
  });

  it('from the server decode to the same message in both encodings', () => {
    for (const { name, from, json, msgpack } of frames()) {
      if (from !== 'server') continue;
      const message = decodeMessage(unhex(msgpack));
      expect(message, name).toBeDefined();
      expect(decodeMessage(msgpackFromJson(json)), name).toEqual(message);
      // Equal messages may still differ in their exact bytes, so those are compared too, by encoding them again.
      const [a, b] = [encodeValue(message), encodeValue(decodeMessage(msgpackFromJson(json)))];
      expect(canonical(a), name).toEqual(canonical(b));
    }
  });

  it('from a client encode to exactly these bytes', () => {
    for (const { name, from, json, msgpack } of frames()) {
      if (from !== 'client') continue;
      expect(hex(encodeValue(decodeValue(msgpackFromJson(json)))), name).toBe(msgpack);
      expect(jsonFromMsgpack(unhex(msgpack)), name).toBe(json);
    }
  });
});

describe('golden short frames', () => {
  it('decode to the messages that they stand for', () => {
    const names = new Names();
    for (const { name, json, msgpack } of frames('short.json')) {
      const message = decodeMessage(unhex(msgpack), names);
      expect(message, name).toEqual(json === 'null' ? undefined : decodeMessage(msgpackFromJson(json)));
    }
  });
});

/** The JSON form with sorted keys, for comparing messages whose keys come in another order. */
function canonical(bytes: Uint8Array): unknown {
  return JSON.parse(jsonFromMsgpack(bytes), (_, value: unknown) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}

describe('golden close codes', () => {
  it('are the table of close.ts, neither more nor less', () => {
    const theirs = JSON.parse(golden('close_codes.json')) as { code: number; name: string; action: string; client_id: string }[];
    const ours = [...CLOSE_RULES].map(([code, { name, action, client }]) => ({ code, name, action, client_id: client }));
    expect(ours).toEqual(theirs);
  });
});

describe('golden order keys', () => {
  it('come out of keyBetween', () => {
    const rows = JSON.parse(golden('order_keys.json')) as [string | null, string | null, string][];
    expect(rows.length).toBeGreaterThan(20);
    for (const [below, above, key] of rows) {
      expect(keyBetween(below, above)).toBe(key);
      expect(isOrderKey(key)).toBe(true);
    }
  });
});
