import { beforeEach, describe, expect, it } from 'vitest';
import { Pending } from '../src/pending.js';
import type { Code, Op, Reject } from '../src/protocol.js';

const ops: Op[] = [{ op: 'delete', id: 'a' }];
const reject = (cid: number, kind: Reject['kind'], code: Code, retry_ms?: number): Reject => ({
  t: 'reject', cid, kind, code, message: code, ...(retry_ms !== undefined && { retry_ms }),
});

let pending: Pending;
let now: number;
const add = (n = 1): void => {
  for (let i = 0; i < n; i += 1) pending.add(ops, new Uint8Array(1), false, undefined, now);
};
const take = (): (number | string)[] =>
  pending.take(now).map((batch) => (batch.answer === 'refused' ? `${batch.cid} void ${batch.code}` : (batch.cid as number)));
const cids = (): (number | undefined)[] => pending.all.map((batch) => batch.cid);

beforeEach(() => {
  pending = new Pending();
  now = 1_000;
});

describe('sending', () => {
  it('gives cids at the first sending, from 1, without holes', () => {
    add(2);
    expect(take()).toEqual([]); // no session yet
    pending.welcome(0, 256);
    expect(take()).toEqual([1, 2]);
    expect(take()).toEqual([]);
    add();
    expect(take()).toEqual([3]);
  });

  it('goes on where an earlier page with the same client id stopped', () => {
    pending.welcome(7, 256);
    add();
    expect(take()).toEqual([8]);
  });

  it('has at most as many batches under way as the server allows', () => {
    pending.welcome(0, 3);
    add(5);
    expect(take()).toEqual([1, 2, 3]);
    expect(pending.hasUnsentWork).toBe(true);
    pending.ack(2, now);
    expect(take()).toEqual([4, 5]);
    expect(pending.hasUnsentWork).toBe(false);
  });

  it('only a batch that was never sent is open for changes', () => {
    add();
    expect(pending.open).toBe(pending.all[0]);
    pending.welcome(0, 256);
    take();
    expect(pending.open).toBeUndefined();
    pending.welcome(0, 256); // will be sent again, but may be known to the server
    expect(pending.open).toBeUndefined();
  });
});

describe('forgetting', () => {
  it('only `saved` forgets, by cid', () => {
    pending.welcome(0, 256);
    add(3);
    take();
    pending.ack(3, now);
    expect(pending.counts).toMatchObject({ unsent: 0, unsaved: 3 });
    pending.saved(2);
    expect(cids()).toEqual([3]);
    expect(pending.counts).toMatchObject({ unsent: 0, unsaved: 1 });
  });

  it('tells whether a batch that is forgotten was still shown on top', () => {
    pending.welcome(0, 256);
    add(2);
    take();
    pending.committed(1, undefined, now);
    expect(pending.saved(1)).toBe(false);
    expect(pending.saved(2)).toBe(true);
  });
});

describe('welcome', () => {
  beforeEach(() => {
    pending.welcome(0, 256);
    add(4);
    take();
  });

  it('resends everything above `last`, acked or not', () => {
    pending.ack(3, now);
    pending.stop();
    expect(take()).toEqual([]);
    pending.welcome(1, 256);
    expect(pending.counts.unsent).toBe(3);
    expect(take()).toEqual([2, 3, 4]);
  });

  it('with nothing lost resends nothing', () => {
    pending.welcome(4, 256);
    expect(take()).toEqual([]);
    expect(pending.counts).toMatchObject({ unsent: 4, unsaved: 4 }); // how they were answered, the sync has not told yet
    pending.ack(4, now);
    expect(pending.counts).toMatchObject({ unsent: 0, unsaved: 4 });
  });

  it('again on the same socket starts over', () => {
    pending.welcome(0, 256);
    expect(take()).toEqual([1, 2, 3, 4]);
    pending.welcome(2, 256);
    expect(take()).toEqual([3, 4]);
  });

  it('resends a refused batch as void', () => {
    pending.ack(1, now);
    pending.reject(reject(2, 'final', 'exists'), now);
    pending.welcome(0, 256);
    expect(take()).toEqual([1, '2 void exists', 3, 4]);
  });

  it('what the server lost is on top again as soon as its snapshot is shown', () => {
    pending.committed(1, undefined, now);
    pending.committed(2, undefined, now);
    const layers = (): (number | undefined)[] => [...pending.layers()].map((batch) => batch.cid);
    expect(layers()).toEqual([3, 4]);
    pending.welcome(1, 256);
    expect(layers()).toEqual([3, 4]); // the old state, which holds 2, is still shown
    pending.snapshot(1);
    expect(layers()).toEqual([2, 3, 4]);
    pending.snapshot(3);
    expect(layers()).toEqual([4]);
  });

  it('below what was saved cannot be healed by resending', () => {
    pending.saved(2);
    expect([1, 2].map((last) => pending.isBehind(last))).toEqual([true, false]);
    pending.saved(4);
    expect([3, 4].map((last) => pending.isBehind(last))).toEqual([true, false]);
  });

  it('above all that was ever sent: somebody else uses the client id', () => {
    expect(() => pending.welcome(5, 256)).toThrow(expect.objectContaining({ code: 'client_id_in_use' }));
    expect(() => pending.welcome(4, 256)).not.toThrow();
  });
});

describe('gap', () => {
  it('goes back once for all batches that were under way behind it', () => {
    pending.welcome(0, 256);
    add(4);
    take();
    pending.gap(2);
    expect(take()).toEqual([2, 3, 4]);
    pending.gap(2); // of a batch that was on its way
    expect(take()).toEqual([]);
    pending.gap(2); // there were two behind the missing one, so this third answer is news: lost again
    expect(take()).toEqual([2, 3, 4]);
    pending.gap(3);
    expect(take()).toEqual([3, 4]);
    pending.welcome(2, 256);
    take();
    pending.gap(3); // another session, another life
    expect(take()).toEqual([3, 4]);
  });
});

describe('reject', () => {
  beforeEach(() => {
    pending.welcome(0, 256);
    add(3);
    take();
  });

  it('temporary: waits, then resends from there, and the gaps of what was on its way change nothing', () => {
    expect(pending.reject(reject(2, 'temporary', 'overloaded', 200), now)).toEqual([]);
    pending.gap(2);
    expect(take()).toEqual([]);
    expect(pending.pause).toBe(1_200);
    now = 1_200;
    expect(take()).toEqual([2, 3]);
  });

  it('temporary: a second one for a later cid does not skip the first', () => {
    pending.reject(reject(2, 'temporary', 'overloaded', 200), now);
    pending.reject(reject(3, 'temporary', 'overloaded', 100), now);
    now = 1_200;
    expect(take()).toEqual([2, 3]);
  });

  it('temporary: the pause ends with the session', () => {
    pending.reject(reject(2, 'temporary', 'unavailable', 60_000), now);
    pending.stop();
    pending.welcome(1, 256);
    expect(take()).toEqual([2, 3]);
  });

  it('final: reported once, not shown, not counted, kept until saved', () => {
    expect(pending.reject(reject(2, 'final', 'cycle'), now)).toMatchObject([{ code: 'cycle', batch: { cid: 2 } }]);
    expect(pending.reject(reject(2, 'final', 'cycle'), now)).toEqual([]);
    expect([...pending.layers()].map((batch) => batch.cid)).toEqual([1, 3]);
    expect(pending.counts).toMatchObject({ unsent: 2, unsaved: 2 });
    expect(cids()).toEqual([1, 2, 3]);
    pending.saved(2);
    expect(cids()).toEqual([3]);
  });

  it('final: told by the stream alone, it is reported when no reject can come any more', () => {
    pending.committed(1, undefined, now);
    pending.committed(2, 'exists', now);
    expect(pending.unreported(1)).toEqual([]);
    expect(pending.unreported(2)).toMatchObject([{ code: 'exists', batch: { cid: 2 } }]);
    expect(pending.unreported(2)).toEqual([]);
  });

  it('forbidden: all that was not accepted is reported, and its cids are free again', () => {
    add(); // not sent yet
    pending.ack(1, now);
    const refused = pending.reject(reject(2, 'forbidden', 'forbidden'), now);
    expect(refused.map(({ batch }) => batch.cid)).toEqual([2, 3, undefined]);
    expect(cids()).toEqual([1]);
    pending.reject(reject(3, 'forbidden', 'forbidden'), now);
    pending.gap(2);
    add();
    expect(take()).toEqual([2]);
  });

  it('forbidden: a copy of what was answered does not count, and what took effect all the same keeps its cid', () => {
    pending.gap(1);
    take(); // each is under way twice
    pending.ack(2, now);
    expect(pending.reject(reject(1, 'forbidden', 'forbidden'), now).map(({ batch }) => batch.cid)).toEqual([3]);
    expect(cids()).toEqual([1, 2]);
    pending.ack(3, now); // its first copy had come in before
    add();
    expect(take()).toEqual([4]);
  });
});

describe('a new client id', () => {
  it('reports what was never accepted and starts at cid 1', () => {
    pending.welcome(0, 256);
    add(3);
    take();
    pending.ack(1, now);
    pending.reject(reject(2, 'final', 'exists'), now);
    const { refused, lost, forgotten } = pending.renew('malformed', 'm', undefined);
    expect(refused.map(({ batch, code }) => [batch.cid, code])).toEqual([[3, 'malformed']]);
    expect([lost, forgotten]).toMatchObject([[{ cid: 1, was: 'accepted', objects: ['a'], madeAt: now, isResent: false }], 0]);
    expect(pending.all).toEqual([]);
    pending.welcome(0, 256);
    add();
    expect(take()).toEqual([1]);
  });
});
