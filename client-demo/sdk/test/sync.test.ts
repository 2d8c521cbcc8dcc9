import { beforeEach, describe, expect, it } from 'vitest';
import { deflateRawSync } from 'node:zlib';
import { decodeValue, encodeOps, encodeValue } from '../src/codec/frame.js';
import { CanvasError } from '../src/errors.js';
import type { Commit, Commits, Op, WireObject } from '../src/protocol.js';
import type { Rejected } from '../src/rejected.js';
import { Sync } from '../src/sync.js';
import { exactBytes, type Props } from '../src/value.js';
import { AUTHOR as ME, welcome } from './world.js';

const create = (id: string, props: Props = {}): Op => ({ op: 'create', id, props });
const update = (id: string, set: Props, unset: string[] = []): Op => ({ op: 'update', id, set, ...(unset.length > 0 && { unset }) });
const commits = (seq: number, ...list: Commit[]): Commits => ({
  t: 'commits', seq, id: `c${seq + list.length - 1}`, commits: list,
});

let sync: Sync;
let changes: { ids: unknown; source: string }[];
let rejected: Rejected[];
let violations: CanvasError[];
const open = (...objects: WireObject[]): void => {
  sync.welcome(welcome({ position: { epoch: 1, seq: 10, id: 'c10' } }));
  sync.snapshot({ t: 'snapshot', n: 0, last: true, objects });
};
const props = (id: string): unknown => sync.replica.view.get(id)?.props;

beforeEach(() => {
  changes = [];
  rejected = [];
  violations = [];
  sync = new Sync(200, {
    changed: (ids, source) => changes.push({ ids: ids === 'all' ? ids : [...ids].sort(), source }),
    rejected: (r) => rejected.push(r),
    lost: () => {},
    installed: () => {},
    violated: (error) => violations.push(error),
  });
});

describe('a batch', () => {
  it('shows at once and goes out in the queue', () => {
    open();
    sync.batch([create('a', { x: 1 }), update('a', { y: 2 })]);
    expect(props('a')).toEqual({ x: 1, y: 2 });
    expect(sync.take(0)).toMatchObject([{ cid: 1, durable: false }]);
    expect(changes.at(-1)).toEqual({ ids: ['a'], source: 'local' });
  });

  it('works before the first welcome', () => {
    sync.batch([create('a')]);
    expect(props('a')).toEqual({});
    open(['b', 1, {}]);
    expect([...sync.replica.view.keys()].sort()).toEqual(['a', 'b']);
    expect(sync.take(0).map(({ cid }) => cid)).toEqual([1]);
  });

  it('does not share anything with what the application passed in', () => {
    open();
    const points = [1, 2];
    sync.batch([create('a', { points })]);
    points.push(3);
    expect(props('a')).toEqual({ points: [1, 2] });
  });

  it.each<[string, Op[]]>([
    ['exists', [create('old')]],
    ['invalid_id', [create('no/slash')]],
    ['invalid_id', [create('x'.repeat(65))]],
    ['invalid_property', [create('a', { '': 1 })]],
    ['invalid_property', [create('a', { ['ü'.repeat(65)]: 1 })]],
    ['invalid_property', [create('a', { type: 7 })]],
    ['invalid_property', [create('a', { parent: 7 })]],
    ['invalid_property', [update('old', { v: 1 }, ['v'])]],
    ['invalid_order_key', [create('a', { z: 'a00' })]],
    ['invalid_value', [create('a', { v: undefined as unknown as null })]],
    ['cycle', [create('a', { parent: 'b' }), create('b', { parent: 'a' })]],
    ['cycle', [create('a', { parent: 'a' })]],
    ['not_a_number', [{ op: 'increment', id: 'old', prop: 'text', by: 1 }]],
    ['overflow', [create('a', { n: 2n ** 64n - 1n }), { op: 'increment', id: 'a', prop: 'n', by: 1 }]],
    ['precondition', [{ op: 'update', id: 'old', set: {}, if_rev: 4 }]],
    ['precondition', [{ op: 'update', id: 'old', set: {}, if_absent: ['text'] }]],
    ['precondition', [{ op: 'update', id: 'gone', set: {}, if_rev: 4 }]],
    ['batch_too_large', [create('a', { blob: new Uint8Array(262_144) })]],
    ['batch_too_large', Array.from({ length: 501 }, (_, i) => create(`n${i}`))],
  ])('that is invalid throws %s and changes nothing', (code, ops) => {
    open(['old', 3, { text: 't' }]);
    expect(() => sync.batch([update('old', { w: 1 }), ...ops].slice(ops.length > 500 ? 1 : 0))).toThrow(expect.objectContaining({ code }));
    expect(props('old')).toEqual({ text: 't' });
    expect(sync.replica.view.size).toBe(1);
    expect(sync.pending.all).toEqual([]);
  });

  it('if_rev cannot hold on top of our own edit that will change the rev', () => {
    open(['old', 3, {}]);
    sync.batch([{ op: 'update', id: 'old', set: { a: 1 }, if_rev: 3 }]);
    expect(() => sync.batch([{ op: 'update', id: 'old', set: { a: 2 }, if_rev: 3 }])).toThrow(expect.objectContaining({ code: 'precondition' }));
  });

  it('of somebody who may only look throws', () => {
    sync.welcome(welcome({ role: 'viewer' }));
    expect(() => sync.batch([create('a')])).toThrow(expect.objectContaining({ code: 'forbidden' }));
  });

  it('updates of what is gone are skipped', () => {
    open();
    sync.batch([update('gone', { x: 1 }), create('a')]);
    expect([...sync.replica.view.keys()]).toEqual(['a']);
  });
});

describe('rebase', () => {
  it('a remote change of another property stays, ours stays on top', () => {
    open(['a', 3, { x: 1, y: 1 }]);
    sync.batch([update('a', { x: 2 })]);
    sync.receive(commits(11, ['other', 1, [['set', 'a', { x: 9, y: 9 }]]]), 0);
    expect(props('a')).toEqual({ x: 2, y: 9 });
    expect(sync.replica.confirmed.get('a')).toEqual({ id: 'a', rev: 11, props: { x: 9, y: 9 } });
  });

  it('our own commit takes the batch off the top, in its place in the order', () => {
    open(['a', 3, { x: 1 }]);
    sync.batch([update('a', { x: 2 })]);
    sync.take(0);
    sync.receive(commits(11, [ME, 1, [['set', 'a', { x: 2 }]]], ['other', 1, [['set', 'a', { x: 3 }]]]), 0);
    expect(props('a')).toEqual({ x: 3 });
    expect(sync.replica.view.get('a')?.rev).toBe(12);
  });

  it('increments add to what others have added', () => {
    open(['a', 3, { n: 1 }]);
    sync.batch([{ op: 'increment', id: 'a', prop: 'n', by: 5 }]);
    sync.receive(commits(11, ['other', 1, [['set', 'a', { n: 11 }]]]), 0);
    expect(props('a')).toEqual({ n: 16 });
  });

  it('a remote delete wins over our update, and ours applies when somebody creates it again', () => {
    open(['a', 3, { x: 1 }]);
    sync.batch([update('a', { x: 2 })]);
    sync.receive(commits(11, ['other', 1, [['del', 'a']]]), 0);
    expect(props('a')).toBeUndefined();
    sync.receive(commits(12, ['other', 2, [['put', 'a', { y: 1 }]]]), 0);
    expect(props('a')).toEqual({ x: 2, y: 1 });
  });

  it('a batch that can no longer apply is left out as a whole', () => {
    open();
    sync.batch([create('a', { mine: true }), create('b')]);
    sync.receive(commits(11, ['other', 1, [['put', 'a', { theirs: true }]]]), 0);
    expect(props('a')).toEqual({ theirs: true });
    expect(props('b')).toBeUndefined();
  });

  it('a batch is looked at again when an object changes that it only depends on', () => {
    open(['c', 3, {}], ['p', 3, {}], ['q', 3, {}]);
    sync.batch([update('c', { parent: 'p' })]);
    sync.receive(commits(11, ['other', 1, [['set', 'p', { parent: 'q' }]]]), 0);
    expect(props('c')).toEqual({ parent: 'p' });
    sync.receive(commits(12, ['other', 2, [['set', 'q', { parent: 'c' }]]]), 0); // c under p under q under c
    expect(props('c')).toEqual({});
    sync.receive(commits(13, ['other', 3, [['del', 'q']]]), 0);
    expect(props('c')).toEqual({ parent: 'p' });
  });

  it('a batch on what is under our own new parent falls with it', () => {
    open();
    sync.batch([create('a'), create('b', { parent: 'a' })]);
    sync.batch([update('b', { x: 1 })]);
    sync.batch([update('c', { x: 1 }), create('d')]);
    sync.receive(commits(11, ['other', 1, [['put', 'a', {}]]]), 0);
    expect([...sync.replica.view.keys()].sort()).toEqual(['a', 'd']);
    sync.receive(commits(12, ['other', 2, [['del', 'a']]]), 0);
    expect(props('b')).toEqual({ parent: 'a', x: 1 });
  });

  it('tells which objects look different, and only those', () => {
    open(['a', 3, { x: 1 }], ['b', 3, {}], ['c', 3, {}]);
    sync.batch([update('a', { x: 2 })]);
    changes = [];
    sync.receive(commits(11, ['other', 1, [['set', 'b', { y: 1 }]]]), 0);
    expect(changes).toEqual([{ ids: ['b'], source: 'remote' }]);
  });

  it('a final refusal takes the batch away and tells why', () => {
    open(['a', 3, { x: 1 }]);
    sync.batch([update('a', { x: 2 })]);
    sync.take(0);
    sync.receive(commits(11, [ME, 1, [], 'too_many_objects']), 0);
    expect(props('a')).toEqual({ x: 1 });
    sync.receive({ t: 'reject', cid: 1, kind: 'final', code: 'too_many_objects', message: 'full', op: 0, id: 'a', current: ['a', 3, { x: 1 }] }, 0);
    expect(rejected).toEqual([
      { code: 'too_many_objects', message: 'full', ops: [update('a', { x: 2 })], cid: 1, op: 0, id: 'a', current: { id: 'a', rev: 3, props: { x: 1 } } },
    ]);
  });
});

describe('the stream', () => {
  it('position follows the commits', () => {
    open();
    sync.receive(commits(11, ['o', 1, []], ['o', 2, []]), 0);
    expect(sync.position).toEqual({ epoch: 1, seq: 12, id: 'c12' });
  });

  it.each([[12], [10]])('a message that starts at %i after 10 is a server error', (seq) => {
    open();
    expect(() => sync.receive(commits(seq, ['o', 1, []]), 0)).toThrow(expect.objectContaining({ code: 'server_error' }));
    expect(sync.position?.seq).toBe(10);
  });

  it('a change that does not fit makes the state untrusted', () => {
    open();
    expect(() => sync.receive(commits(11, ['o', 1, [['set', 'gone', { x: 1 }]]]), 0)).toThrow(CanvasError);
    expect(sync.position).toBeUndefined();
  });

  it('delta: goes on from our position, under the new epoch', () => {
    open(['a', 3, { x: 1 }]);
    sync.batch([update('a', { x: 2 })]);
    sync.take(0);
    sync.lost();
    sync.welcome(welcome({ sync: 'delta', last: 1, saved: 1, position: { epoch: 2, seq: 12, id: 'c12' } }));
    expect(sync.pending.all.length).toBe(1); // saved, but its commit is not here yet: it must not vanish meanwhile
    expect(props('a')).toEqual({ x: 2 });
    sync.receive(commits(11, ['o', 1, []], [ME, 1, [['set', 'a', { x: 2 }]]]), 0);
    expect(sync.position).toEqual({ epoch: 2, seq: 12, id: 'c12' });
    expect(sync.pending.all).toEqual([]);
    expect(props('a')).toEqual({ x: 2 });
  });

  it('delta: a refusal that happened while we were away is reported', () => {
    open(['a', 3, {}]);
    sync.batch([update('a', { x: 2 })]);
    sync.take(0);
    sync.lost();
    sync.welcome(welcome({ sync: 'delta', last: 1, position: { epoch: 1, seq: 11, id: 'c11' } }));
    sync.receive(commits(11, [ME, 1, [], 'object_too_large']), 0);
    expect(rejected).toMatchObject([{ code: 'object_too_large' }]);
  });

  it('delta without a position of ours is a server error', () => {
    expect(() => sync.welcome(welcome({ sync: 'delta' }))).toThrow(CanvasError);
  });

  it('a refused batch that the server has lost is sent again as void', () => {
    open(['a', 3, {}]);
    sync.batch([update('a', { x: 2 })]);
    sync.take(0);
    sync.receive(commits(11, [ME, 1, [], 'object_too_large']), 0);
    sync.welcome(welcome({ last: 0, position: { epoch: 2, seq: 10, id: 'd10' } }));
    sync.snapshot({ t: 'snapshot', n: 0, last: true, objects: [['a', 3, {}]] });
    expect(sync.take(0)).toEqual([{ cid: 1, body: 'object_too_large', durable: false }]);
    expect(props('a')).toEqual({});
  });

  it('a lower `last` puts accepted batches on top again', () => {
    open(['a', 3, { x: 1 }]);
    sync.batch([update('a', { x: 2 })]);
    sync.take(0);
    sync.receive(commits(11, [ME, 1, [['set', 'a', { x: 2 }]]]), 0);
    sync.receive({ t: 'ack', cid: 1, seq: 11 }, 0);
    sync.welcome(welcome({ last: 0, position: { epoch: 2, seq: 10, id: 'd10' } }));
    sync.snapshot({ t: 'snapshot', n: 0, last: true, objects: [['a', 3, { x: 1 }]] });
    expect(props('a')).toEqual({ x: 2 });
    expect(sync.take(0).map(({ cid }) => cid)).toEqual([1]);
  });
});

describe('snapshot', () => {
  const chunk = (n: number, last: boolean, ...objects: WireObject[]) => ({ t: 'snapshot' as const, n, last, objects });
  const deflated = (n: number, last: boolean, ...objects: WireObject[]) => ({
    t: 'snapshot' as const, n, last, deflate: new Uint8Array(deflateRawSync(encodeValue(objects))),
  });

  it('chunks come together, compressed or not, and commits between them apply afterwards', async () => {
    sync.welcome(welcome({ position: { epoch: 1, seq: 10, id: 'c10' } }));
    sync.snapshot(deflated(0, false, ['a', 1, { x: 1 }]));
    sync.receive(commits(11, ['o', 1, [['set', 'b', { x: 3 }]]]), 0);
    sync.snapshot(chunk(1, false, ['b', 2, { x: 2 }]));
    sync.snapshot(deflated(2, true, ['c', 3, {}]));
    sync.receive(commits(12, ['o', 2, [['del', 'c']]]), 0);
    expect(sync.isSynced).toBe(false);
    await expect.poll(() => sync.isSynced).toBe(true);
    expect(Object.fromEntries([...sync.replica.view].map(([id, object]) => [id, [object.rev, object.props]]))).toEqual({
      a: [1, { x: 1 }], b: [11, { x: 3 }],
    });
    expect(sync.position?.seq).toBe(12);
    expect(changes[0]).toEqual({ ids: 'all', source: 'reset' });
  });

  it('a batch acked and saved between the chunks stays visible', () => {
    sync.batch([create('mine')]);
    sync.welcome(welcome({ position: { epoch: 1, seq: 10, id: 'c10' } }));
    sync.take(0);
    sync.snapshot(chunk(0, false));
    sync.receive(commits(11, [ME, 1, [['put', 'mine', {}]]]), 0);
    sync.receive({ t: 'ack', cid: 1, seq: 11 }, 0);
    sync.receive({ t: 'saved', cid: 1, seq: 11 }, 0);
    expect(props('mine')).toEqual({});
    sync.snapshot(chunk(1, true));
    expect(props('mine')).toEqual({});
    expect(sync.pending.all).toEqual([]);
    expect(sync.replica.view.get('mine')?.rev).toBe(11);
  });

  it('a new welcome forgets unfinished chunks', async () => {
    sync.welcome(welcome());
    sync.snapshot(deflated(0, true, ['old', 1, {}]));
    sync.welcome(welcome({ position: { epoch: 1, seq: 5, id: 'c5' } }));
    sync.snapshot(chunk(0, true, ['new', 1, {}]));
    // A decompression that began later is through: the forgotten one is as well, and has changed nothing.
    sync.welcome(welcome());
    sync.snapshot(deflated(0, true, ['newer', 1, {}]));
    expect([...sync.replica.view.keys()]).toEqual(['new']);
    await expect.poll(() => [...sync.replica.view.keys()]).toEqual(['newer']);
    expect(changes.length).toBe(2);
    expect(violations).toEqual([]);
  });

  it('a missing, broken or unreadable chunk is a server error, never a smaller project', async () => {
    sync.welcome(welcome());
    sync.snapshot(chunk(1, true));
    expect(violations).toMatchObject([{ code: 'server_error', retry: true }]);
    sync.welcome(welcome());
    sync.snapshot({ t: 'snapshot', n: 0, last: true, deflate: new Uint8Array([255, 255, 255]) });
    await expect.poll(() => violations.length).toBe(2);
    sync.welcome(welcome());
    sync.snapshot({ t: 'snapshot', n: 0, last: true, deflate: new Uint8Array(deflateRawSync(new Uint8Array([0xc1]))) });
    await expect.poll(() => violations.length).toBe(3);
    expect(sync.isSynced).toBe(false);
  });
});

describe('joining', () => {
  const drag = (n: number): void => {
    sync.beginGesture();
    for (let i = 1; i <= n; i += 1) sync.batch([update('a', { x: i }), update('b', { x: -i }, i % 2 === 0 ? ['y'] : [])]);
    sync.endGesture();
  };
  const bodies = (): unknown[] => sync.take(0).map(({ body }) => (typeof body === 'string' ? body : decodeValue(body)));

  it('batches of a drag that were not sent become one, with the last values', () => {
    open(['a', 1, {}], ['b', 1, { y: 1 }]);
    drag(5);
    expect(sync.pending.counts.unsent).toBe(1);
    expect(bodies()).toEqual([[{ op: 'update', id: 'a', set: { x: 5 } }, { op: 'update', id: 'b', set: { x: -5 }, unset: ['y'] }]]);
    expect(props('b')).toEqual({ x: -5 });
  });

  it('a batch that was sent stays as it is', () => {
    open(['a', 1, {}], ['b', 1, {}]);
    sync.beginGesture();
    sync.batch([update('a', { x: 1 })]);
    expect(sync.take(0).length).toBe(1);
    sync.batch([update('a', { x: 2 })]);
    sync.batch([update('a', { x: 3 })]);
    sync.endGesture();
    expect(bodies()).toEqual([[{ op: 'update', id: 'a', set: { x: 3 } }]]);
    expect(sync.pending.all.map(({ body }) => body)).toEqual([
      encodeOps([update('a', { x: 1 })], 32), encodeOps([update('a', { x: 3 })], 32),
    ]);
  });

  it('other objects, other kinds of ops, conditions and other gestures are not joined', () => {
    open(['a', 1, {}], ['b', 1, {}]);
    sync.beginGesture();
    sync.batch([update('a', { x: 1 })]);
    sync.batch([update('b', { x: 1 })]);
    sync.batch([{ op: 'increment', id: 'b', prop: 'n', by: 1 }]);
    sync.batch([{ op: 'increment', id: 'b', prop: 'n', by: 1 }]);
    sync.batch([{ op: 'update', id: 'a', set: { x: 2 }, if_absent: ['q'] }]);
    sync.batch([update('a', { x: 3 })]);
    sync.endGesture();
    drag(1);
    drag(1);
    sync.batch([update('a', { x: 1 })]);
    sync.batch([update('a', { x: 2 })]);
    expect(sync.pending.counts.unsent).toBe(10);
  });
});

describe('a new client id', () => {
  it('reports the batches that were not accepted, and takes them off the picture', () => {
    open(['a', 3, { x: 1 }]);
    sync.batch([update('a', { x: 2 })]);
    sync.take(0);
    sync.renew(new CanvasError('malformed', 'unreadable', { retry: true }));
    expect(rejected).toMatchObject([{ code: 'malformed', ops: [{ id: 'a' }] }]);
    expect(props('a')).toEqual({ x: 1 });
    expect(sync.pending.all).toEqual([]);
  });
});

describe('exact values', () => {
  it('an integral float that undo brings back is still a float', () => {
    const float = Uint8Array.of(0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0);
    const received = decodeValue(Uint8Array.from([0x82, 0xa1, 0x78, ...float, 0xa1, 0x79, 1])) as Props;
    open(['a', 3, received]);
    // Taken out of its frame, so that nine bytes do not keep the whole frame in memory.
    expect(exactBytes(sync.replica.view.get('a')?.props ?? {}, 'x')?.buffer.byteLength).toBe(9);
    sync.batch([{ op: 'delete', id: 'a' }]);
    sync.undo();
    sync.batch([update('a', { y: 2 })]);
    const object = sync.replica.view.get('a');
    expect(exactBytes(object?.props ?? {}, 'x')).toEqual(float);
    const body = sync.take(0)[1]?.body;
    expect(Buffer.from(body as Uint8Array).toString('hex')).toContain(Buffer.from(float).toString('hex'));
  });

  it('adding to an integral float gives a float, as the server does it', () => {
    const received = decodeValue(Uint8Array.from([0x81, 0xa1, 0x78, 0xcb, 0x43, 0x3f, 255, 255, 255, 255, 255, 255])) as Props; // 2^53 - 1
    open(['a', 3, received]);
    sync.batch([{ op: 'increment', id: 'a', prop: 'x', by: 1 }]);
    expect(props('a')).toEqual({ x: 2 ** 53 });
    sync.batch([create('b', { x: 2 ** 53 - 1 }), { op: 'increment', id: 'b', prop: 'x', by: 1 }]);
    expect(props('b')).toEqual({ x: 2n ** 53n });
  });
});
