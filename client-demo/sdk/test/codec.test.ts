import { decode as otherDecode, encode as otherEncode } from '@msgpack/msgpack';
import { describe, expect, it } from 'vitest';
import { decodeMessage, decodeOps, decodeValue, encodeBatch, encodeOps, encodeValue } from '../src/codec/frame.js';
import { jsonFromMsgpack, msgpackFromJson } from '../src/codec/json.js';
import { Names } from '../src/codec/short.js';
import { Walker } from '../src/codec/walker.js';
import { CanvasError } from '../src/errors.js';
import { lossAsJson } from '../src/json/index.js';
import type { Loss } from '../src/loss.js';
import { Ext, Opaque, exactBytes, merged, sameValue, slotOf, type Props, type Value } from '../src/value.js';
import { Random, randomBytesValue, randomValue } from './random.js';

const bytes = (...list: number[]): Uint8Array => Uint8Array.from(list);
const hex = (list: Uint8Array): string => Buffer.from(list).toString('hex');
/** A map with one entry "v", whose value has exactly these bytes. */
const mapOf = (value: Uint8Array): Uint8Array => Uint8Array.from([0x81, 0xa1, 0x76, ...value]);
const roundTrip = (value: Value): Value => decodeValue(encodeValue(value));

describe('values', () => {
  it('survive encode and decode', () => {
    const random = new Random(1);
    for (let i = 0; i < 2_000; i += 1) {
      const value = randomValue(random);
      expect(sameValue(roundTrip(value), value), hex(encodeValue(value))).toBe(true);
    }
  });

  it('are encoded as another implementation does, where that one can (it writes -0 as the integer 0)', () => {
    const random = new Random(2);
    let compared = 0;
    for (let i = 0; i < 2_000; i += 1) {
      const value = randomValue(random);
      const isCommon = (v: Value): boolean =>
        !(v instanceof Ext) && typeof v !== 'bigint' && !Object.is(v, -0) && (typeof v !== 'object' || v === null || v instanceof Uint8Array
          || (Array.isArray(v) ? v : Object.values(v)).every(isCommon));
      if (!isCommon(value)) continue;
      compared += 1;
      expect(hex(encodeValue(value))).toBe(hex(otherEncode(value)));
      expect(otherDecode(encodeValue(value))).toEqual(decodeValue(encodeValue(value)));
    }
    expect(compared).toBeGreaterThan(200);
  });

  it('keep -0 a float, NaN and the infinities', () => {
    expect(hex(encodeValue(-0))).toBe('cb8000000000000000');
    for (const value of [-0, NaN, Infinity, -Infinity]) expect(Object.is(roundTrip(value), value)).toBe(true);
  });

  it('write integers beyond 2^53 in 64 bits and read them as bigint', () => {
    expect(hex(encodeValue(2n ** 64n - 1n))).toBe('cfffffffffffffffff');
    expect(hex(encodeValue(-(2n ** 63n)))).toBe('d38000000000000000');
    expect(roundTrip(2n ** 53n)).toBe(2n ** 53n);
    expect(roundTrip(5n)).toBe(5);
    expect(hex(encodeValue(1_760_000_000_000))).toBe('cf00000199c82cc000');
  });

  it('refuse what MessagePack has no form for', () => {
    const cyclic: Value[] = [];
    cyclic.push(cyclic);
    for (const value of [undefined, () => 1, Symbol('s'), new Date(), new Map(), new Float32Array(1), 2n ** 64n, cyclic, [, 1], { a: undefined }]) {
      expect(() => encodeValue(value)).toThrow(expect.objectContaining({ code: 'invalid_value' }));
    }
  });

  it('count their nesting from the outermost container', () => {
    const nested = (depth: number): Value => (depth === 0 ? 1 : [nested(depth - 1)]);
    const op = (value: Value) => [{ op: 'create' as const, id: 'a', props: { v: value } }];
    expect(() => encodeOps(op(nested(32)), 32)).not.toThrow();
    expect(() => encodeOps(op(nested(33)), 32)).toThrow(CanvasError);
  });
});

describe('values that JavaScript cannot hold exactly', () => {
  const inexact: [string, number[], Value][] = [
    ['an integral float', [0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0], 1],
    ['a 32-bit float', [0xca, 0x3f, 0x00, 0, 0], 0.5],
    ['a long integer', [0xd3, 0, 0, 0, 0, 0, 0, 0, 5], 5],
    ['long text', [0xd9, 1, 0x61], 'a'],
    ['a list with an integral float', [0x92, 1, 0xcb, 0x40, 0, 0, 0, 0, 0, 0, 0], [1, 2]],
    ['a map whose keys JavaScript would reorder', [0x82, 0xa1, 0x62, 1, 0xa1, 0x31, 2], { b: 1, 1: 2 }],
  ];
  it.each(inexact)('%s keeps its bytes', (_, list, value) => {
    const map = decodeValue(mapOf(bytes(...list))) as Props;
    expect(map['v']).toEqual(value);
    expect(exactBytes(map, 'v')).toEqual(bytes(...list));
    expect(encodeValue(map)).toEqual(mapOf(bytes(...list)));
  });

  it('an untouched property keeps them through merging, an overwritten one does not', () => {
    const float = bytes(0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0);
    const map = decodeValue(mapOf(float)) as Props;
    expect(slotOf(merged(map, { w: 2 }), 'v')?.bytes).toEqual(float);
    expect(slotOf(merged({ v: 7 }, map), 'v')?.bytes).toEqual(float);
    expect(slotOf(merged(map, { v: 2 }), 'v')?.bytes).toBeUndefined();
    expect(slotOf(merged(map, {}, ['v']), 'v')).toBeUndefined();
    expect(slotOf(merged(merged(map, {}, ['v']), { v: 1 }), 'v')?.bytes).toBeUndefined();
  });

  it('text that is not UTF-8 and maps with other keys are opaque', () => {
    for (const list of [[0xa1, 0xff], [0x81, 1, 2], [0x82, 0xa1, 0x61, 1, 0xa1, 0x61, 2], [0x81, 0x90, 2]]) {
      expect(decodeValue(bytes(...list))).toEqual(new Opaque(bytes(...list)));
    }
  });

  it('a property named __proto__ is a property', () => {
    const list = [0x81, 0xa9, ...Buffer.from('__proto__'), 1];
    const value = decodeValue(bytes(...list)) as Props;
    expect(Object.keys(value)).toEqual(['__proto__']);
    expect(encodeValue(merged({ a: 1 }, value))).toEqual(bytes(0x82, 0xa1, 0x61, 1, ...list.slice(1)));
  });

  it('come back byte for byte in both encodings, whatever they are', () => {
    const random = new Random(3);
    for (let i = 0; i < 5_000; i += 1) {
      const value = randomBytesValue(random);
      const map = mapOf(value);
      expect(hex(encodeValue(decodeValue(map)))).toBe(hex(map));
      expect(hex(msgpackFromJson(jsonFromMsgpack(map))), jsonFromMsgpack(map)).toBe(hex(map));
      expect(hex(new Walker(map).skip())).toBe(hex(map));
    }
  });
});

describe('broken input', () => {
  it('is an error, never a crash or a hang', () => {
    const random = new Random(4);
    let errors = 0;
    for (let i = 0; i < 5_000; i += 1) {
      const whole = encodeValue(randomValue(random));
      const cut = random.chance(0.5) ? whole.slice(0, random.below(whole.length)) : random.bytes(1 + random.below(30));
      for (const read of [() => decodeValue(cut), () => new Walker(cut).skip(), () => jsonFromMsgpack(cut)]) {
        try {
          read();
        } catch (error) {
          expect(error).toBeInstanceOf(CanvasError);
          errors += 1;
        }
      }
    }
    expect(errors).toBeGreaterThan(1_000);
  });

  it('a huge size in a small frame allocates nothing', () => {
    for (const lead of [0xdd, 0xdf, 0xdb, 0xc6, 0xc9]) {
      expect(() => decodeValue(bytes(lead, 0xff, 0xff, 0xff, 0xff, 1))).toThrow(CanvasError);
    }
  });

  it('endless nesting ends', () => {
    expect(() => decodeValue(new Uint8Array(100_000).fill(0x91))).toThrow(CanvasError);
    expect(() => new Walker(new Uint8Array(100_000).fill(0x91)).skip()).toThrow(CanvasError);
  });
});

describe('JSON', () => {
  it.each([
    ['1', [1]],
    ['1.0', [0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0]],
    ['-0.0', [0xcb, 0x80, 0, 0, 0, 0, 0, 0, 0]],
    ['1e+300', [0xcb, 0x7e, 0x37, 0xe4, 0x3c, 0x88, 0x00, 0x75, 0x9c]],
    ['9007199254740991', [0xcf, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
    ['{"$mp":"zwAgAAAAAAAA"}', [0xcf, 0, 0x20, 0, 0, 0, 0, 0, 0]],
    ['{"$mp":"xAEH"}', [0xc4, 1, 7]],
    ['[null,true,"hé"]', [0x93, 0xc0, 0xc3, 0xa3, 0x68, 0xc3, 0xa9]],
    ['{"a":{"$mp":"yj8AAAA="}}', [0x81, 0xa1, 0x61, 0xca, 0x3f, 0, 0, 0]],
    // A map that looks like the escape is escaped itself.
    ['{"$mp":"gaMkbXAB"}', [0x81, 0xa3, 0x24, 0x6d, 0x70, 1]],
  ])('%s', (text, list) => {
    expect(hex(msgpackFromJson(text))).toBe(hex(bytes(...list)));
    expect(jsonFromMsgpack(bytes(...list))).toBe(text);
  });

  it('reads integers at full precision, also where the server would not write them plain', () => {
    expect(decodeValue(msgpackFromJson('18446744073709551615'))).toBe(2n ** 64n - 1n);
  });

  it('reads spaces, escapes, exponents', () => {
    expect(decodeValue(msgpackFromJson(' { "a\\u0062" : [ 1e2 , "\\n\\"" ] } '))).toEqual({ ab: [100, '\n"'] });
  });

  it('of a loss, which is written without the codec, holds every value exactly', () => {
    const random = new Random(5);
    for (let i = 0; i < 2_000; i += 1) {
      const props = decodeValue(mapOf(random.chance(0.5) ? randomBytesValue(random) : encodeValue(randomValue(random)))) as Props;
      const ops = [{ op: 'create' as const, id: 'a', props }];
      const loss: Loss = { code: 'closed', message: 'm', at: 1_760_000_000_000, batches: [{ was: 'saved', ops, objects: ['a'], madeAt: 1, isResent: false }], forgotten: 0 };
      expect(hex(encodeValue(decodeValue(msgpackFromJson(lossAsJson(loss))))), lossAsJson(loss)).toBe(hex(encodeValue(loss)));
    }
    expect(lossAsJson({ ops: [1.5, -0, 2 ** 60, 2n ** 60n, { $mp: 1 }] } as unknown as Loss)).toBe(
      '{"ops":[1.5,{"$mp":"y4AAAAAAAAAA"},{"$mp":"y0OwAAAAAAAA"},{"$mp":"zxAAAAAAAAAA"},{"$mp":"gaMkbXAB"}]}',
    );
  });

  it.each(['', '{', '[1,]', '{"a"}', 'nul', '1 2', '"', '{"$mp":"x"}', '{"$mp":"AQE="}', '{"$mp":""}'])('refuses %j', (text) => {
    expect(() => msgpackFromJson(text)).toThrow(CanvasError);
  });
});

describe('short frames', () => {
  const id = new Uint8Array(8).fill(0xfb);
  const names = new Names();
  const read = (list: Value[]) => decodeMessage(encodeValue(list), names);

  it('stand for the messages that the protocol says', () => {
    expect(read([0, 0, ['ana', 77]])).toBeUndefined();
    expect(read([0, 2, ['ben']])).toBeUndefined();
    expect(read([1, 41, id, [[0, 8, [[0, 'r', { x: 1 }], [1, 's', {}, ['y']], [2, 'o']]], [2, 3, [], 'exists'], [null, 0, []]]])).toEqual({
      t: 'commits', seq: 41, id: '-_v7-_v7-_s',
      commits: [['ana', 8, [['put', 'r', { x: 1 }], ['set', 's', {}, ['y']], ['del', 'o']]], ['ben', 3, [], 'exists'], ['', 0, []]],
    });
    expect(read([2, [[1, { cursor: [1, 2] }]]])).toEqual({ t: 'presence', sessions: [[77, { cursor: [1, 2] }]] });
    expect([read([3, 5, 9]), read([4, 5, 9])]).toEqual([{ t: 'ack', cid: 5, seq: 9 }, { t: 'saved', cid: 5, seq: 9 }]);
  });

  it('are errors when a number was not given, or given before numbering started over', () => {
    expect(() => read([2, [[9, {}]]])).toThrow(CanvasError);
    expect(read([0, 0, ['eve']])).toBeUndefined();
    expect(() => read([2, [[1, {}]]])).toThrow(CanvasError);
  });
});

describe('messages', () => {
  it('without a type are errors', () => {
    expect(() => decodeMessage(encodeValue({ a: 1 }))).toThrow(CanvasError);
    expect(() => decodeMessage(encodeValue(7))).toThrow(CanvasError);
    expect(() => decodeMessage(msgpackFromJson('[]'))).toThrow(CanvasError);
  });

  it('a batch is the same message whether its ops were encoded before or with it', () => {
    const ops = [{ op: 'update' as const, id: 'a', set: { x: 1 } }];
    const early = encodeBatch(3, encodeOps(ops, 32), false);
    expect(early).toEqual(encodeValue({ t: 'batch', cid: 3, ops }));
    expect(jsonFromMsgpack(encodeBatch(3, encodeOps(ops, 32), true))).toBe('{"t":"batch","cid":3,"ops":[{"op":"update","id":"a","set":{"x":1}}],"durable":true}');
    expect(jsonFromMsgpack(encodeBatch(3, 'exists', false))).toBe('{"t":"batch","cid":3,"void":"exists"}');
  });

  it('ops are decoded to a copy', () => {
    const points = [1, 2];
    const ops = decodeOps(encodeOps([{ op: 'create', id: 'a', props: { points } }], 32));
    points.push(3);
    expect(ops).toEqual([{ op: 'create', id: 'a', props: { points: [1, 2] } }]);
  });
});
