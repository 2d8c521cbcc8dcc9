import { beforeEach, describe, expect, it } from 'vitest';
import type { Change, Op } from '../src/protocol.js';
import { Sync } from '../src/sync.js';
import type { Props } from '../src/value.js';
import { Random } from './random.js';
import { AUTHOR as ME, welcome } from './world.js';

const create = (id: string, props: Props = {}): Op => ({ op: 'create', id, props });
const update = (id: string, set: Props, unset: string[] = []): Op => ({ op: 'update', id, set, ...(unset.length > 0 && { unset }) });
const remove = (id: string): Op => ({ op: 'delete', id });
const add = (id: string, prop: string, by: number): Op => ({ op: 'increment', id, prop, by });

let sync: Sync;
let seq: number;
const start = (depth = 200): void => {
  sync = new Sync(depth, { changed: () => {}, rejected: () => {}, lost: () => {}, installed: () => {}, violated: (error) => { throw error; } });
  seq = 0;
  sync.welcome(welcome());
  sync.snapshot({ t: 'snapshot', n: 0, last: true, objects: [] });
};
/** Somebody else's commit. */
const other = (...changes: Change[]): void => {
  seq += 1;
  sync.receive({ t: 'commits', seq, id: `c${seq}`, commits: [['other', seq, changes]] }, 0);
};
const state = (): Record<string, Props> => Object.fromEntries([...sync.replica.view].map(([id, object]) => [id, { ...object.props }]));
const edit = (...ops: Op[]): void => void sync.batch(ops);

beforeEach(() => start());

describe('undo and redo', () => {
  it.each<[string, Op[], Op[], Record<string, Props>, Record<string, Props>]>([
    ['create', [], [create('a', { x: 1 })], {}, { a: { x: 1 } }],
    ['delete', [create('a', { x: 1 })], [remove('a')], { a: { x: 1 } }, {}],
    ['set', [create('a', { x: 1 })], [update('a', { x: 2, y: 3 })], { a: { x: 1 } }, { a: { x: 2, y: 3 } }],
    ['unset', [create('a', { x: 1 })], [update('a', {}, ['x'])], { a: { x: 1 } }, { a: {} }],
    ['increment', [create('a', { n: 1 })], [add('a', 'n', 5)], { a: { n: 1 } }, { a: { n: 6 } }],
    ['increment of an absent property', [create('a')], [add('a', 'n', 5), add('a', 'n', 1)], { a: {} }, { a: { n: 6 } }],
    ['create, update, increment', [], [create('a'), update('a', { x: 1 }), add('a', 'x', 1)], {}, { a: { x: 2 } }],
    ['increment, then set', [create('a')], [add('a', 'n', 5), update('a', { n: 1 })], { a: {} }, { a: { n: 1 } }],
    ['increment, then unset', [create('a', { n: 3 })], [add('a', 'n', 5), update('a', {}, ['n'])], { a: { n: 3 } }, { a: {} }],
    ['increment, then delete', [create('a', { n: 3 })], [add('a', 'n', 5), remove('a')], { a: { n: 3 } }, {}],
    ['set, then increment', [create('a', { n: 3 })], [update('a', { n: 7 }), add('a', 'n', 5)], { a: { n: 3 } }, { a: { n: 12 } }],
    ['set, then delete', [create('a', { x: 1 })], [update('a', { x: 2 }), remove('a')], { a: { x: 1 } }, {}],
    ['delete, then create', [create('a', { x: 1, y: 1 })], [remove('a'), create('a', { x: 2 })], { a: { x: 1, y: 1 } }, { a: { x: 2 } }],
    ['a parent and its child', [], [create('p'), create('c', { parent: 'p' })], {}, { p: {}, c: { parent: 'p' } }],
  ])('%s', (_, before, ops, undone, redone) => {
    if (before.length > 0) sync.batch(before, { undo: false });
    edit(...ops);
    expect(state()).toEqual(redone);
    for (let round = 0; round < 3; round += 1) {
      expect(sync.undo()).toBe(true);
      expect(state()).toEqual(undone);
      expect(sync.redo()).toBe(true);
      expect(state()).toEqual(redone);
    }
  });

  it('with nothing to take back says so', () => {
    expect(sync.undo()).toBe(false);
    expect(sync.redo()).toBe(false);
    expect([sync.undoing.canUndo, sync.undoing.canRedo]).toEqual([false, false]);
    edit(create('a'));
    expect(sync.undoing.canUndo).toBe(true);
    sync.undo();
    expect([sync.undoing.canUndo, sync.undoing.canRedo]).toEqual([false, true]);
  });

  it('a new edit ends redo; one that is no undo step does not', () => {
    edit(create('a'));
    sync.undo();
    sync.batch([create('b')], { undo: false });
    expect(sync.undoing.canRedo).toBe(true);
    edit(create('c'));
    expect(sync.undoing.canRedo).toBe(false);
    sync.undo();
    expect(Object.keys(state())).toEqual(['b']);
  });

  it('edits that change nothing are no step', () => {
    edit(create('a', { x: 1 }));
    edit(update('a', { x: 1 }));
    edit(update('gone', { x: 1 }));
    sync.undo();
    expect(state()).toEqual({});
  });

  it('keeps as many steps as it is told, and no more', () => {
    start(60);
    edit(create('a', { x: 0 }));
    for (let x = 1; x <= 100; x += 1) edit(update('a', { x }));
    let steps = 0;
    while (sync.undo()) steps += 1;
    expect(steps).toBe(60);
    expect(state()).toEqual({ a: { x: 40 } });
    for (; sync.redo(); steps -= 1);
    expect(steps).toBe(0);
    expect(state()).toEqual({ a: { x: 100 } });
  });

  it('a step larger than a batch is taken back as a whole', () => {
    sync.beginGesture();
    for (let i = 0; i < 3; i += 1) edit(...Array.from({ length: 400 }, (_, j) => create(`n${i}-${j}`, { i })));
    sync.endGesture();
    expect(sync.undo()).toBe(true);
    expect(state()).toEqual({});
    expect(sync.undoing.canUndo).toBe(false);
    expect(sync.redo()).toBe(true);
    expect(Object.keys(state()).length).toBe(1_200);
    expect(sync.undoing.canRedo).toBe(false);
    sync.undo();
    expect(state()).toEqual({});
  });
});

describe('gestures', () => {
  it('are one step', () => {
    edit(create('a', { x: 0 }));
    sync.beginGesture();
    for (let x = 1; x <= 10; x += 1) edit(update('a', { x }));
    sync.endGesture();
    edit(update('a', { x: 99 }));
    sync.undo();
    expect(state()).toEqual({ a: { x: 10 } });
    sync.undo();
    expect(state()).toEqual({ a: { x: 0 } });
    sync.undo();
    expect(state()).toEqual({});
  });

  it('nest, and the outermost counts', () => {
    sync.beginGesture();
    edit(create('a'));
    sync.beginGesture();
    edit(create('b'));
    sync.endGesture();
    edit(create('c'));
    sync.endGesture();
    sync.undo();
    expect(state()).toEqual({});
  });

  it('one after the other are two steps, and an empty one is none', () => {
    for (const id of ['a', 'b']) {
      sync.beginGesture();
      edit(create(id));
      sync.endGesture();
      sync.beginGesture();
      sync.endGesture();
    }
    sync.undo();
    expect(Object.keys(state())).toEqual(['a']);
  });

  it('a drag there and back leaves no trace', () => {
    edit(create('a', { x: 0 }));
    sync.beginGesture();
    edit(update('a', { x: 5 }));
    edit(update('a', { x: 0 }));
    sync.endGesture();
    sync.undo();
    expect(state()).toEqual({});
  });

  it('undo in the middle of one takes back its beginning; the rest is another step', () => {
    edit(create('a', { x: 0 }));
    sync.beginGesture();
    edit(update('a', { x: 1 }));
    sync.undo();
    expect(state()).toEqual({ a: { x: 0 } });
    edit(update('a', { x: 2 }));
    edit(update('a', { x: 3 }));
    sync.endGesture();
    sync.undo();
    expect(state()).toEqual({ a: { x: 0 } });
  });
});

describe('others are never reverted', () => {
  it('a property that somebody else has changed since stays', () => {
    edit(create('a', { x: 0, y: 0 }));
    edit(update('a', { x: 1, y: 1 }));
    settle();
    other(['set', 'a', { x: 9 }]);
    expect(sync.undo()).toBe(true);
    expect(state()).toEqual({ a: { x: 9, y: 0 } });
    expect(sync.redo()).toBe(true);
    expect(state()).toEqual({ a: { x: 9, y: 1 } });
  });

  it('a step that others have overtaken altogether is passed over', () => {
    edit(create('a', { x: 0 }));
    edit(update('a', { y: 1 }));
    edit(update('a', { x: 1 }));
    settle();
    other(['set', 'a', { x: 9 }]);
    expect(sync.undo()).toBe(true);
    expect(state()).toEqual({ a: { x: 9 } });
  });

  it('an object of ours that somebody else has worked on is not deleted', () => {
    edit(create('a', { x: 0 }));
    settle();
    other(['set', 'a', { text: 'theirs' }]);
    expect(sync.undo()).toBe(false);
    expect(state()).toEqual({ a: { x: 0, text: 'theirs' } });
  });

  it('but it is when it was only moved in the order', () => {
    edit(create('a', { x: 0, z: 'a0' }));
    settle();
    other(['set', 'a', { z: 'a1' }]);
    expect(sync.undo()).toBe(true);
    expect(state()).toEqual({});
  });

  it('an object that somebody has created again is not created over', () => {
    edit(create('a', { x: 0 }));
    edit(remove('a'));
    settle();
    other(['put', 'a', { theirs: true }]);
    expect(sync.undo()).toBe(false);
    expect(state()).toEqual({ a: { theirs: true } });
  });

  it('an object that somebody has deleted is not brought back by undoing a change', () => {
    edit(create('a', { x: 0 }));
    edit(update('a', { x: 1 }));
    settle();
    other(['del', 'a']);
    expect(sync.undo()).toBe(false);
    expect(state()).toEqual({});
  });

  it('what others have added stays added', () => {
    edit(create('a', { n: 1 }));
    edit(add('a', 'n', 5));
    settle();
    other(['set', 'a', { n: 16 }]);
    sync.undo();
    expect(state()).toEqual({ a: { n: 11 } });
    sync.redo();
    expect(state()).toEqual({ a: { n: 16 } });
  });

  it('what the rules no longer allow is left out, the rest is taken back', () => {
    edit(create('p'), create('c', { parent: 'p', x: 1 }));
    edit(update('c', {}, ['parent']), update('p', { y: 1 }));
    settle();
    other(['set', 'p', { parent: 'c' }]);
    sync.undo(); // c under p would now be a cycle
    expect(state()).toEqual({ p: { parent: 'c' }, c: { x: 1 } });
  });

  it('a batch that the server refused is not taken back', () => {
    sync.batch([create('a', { n: 1 })], { undo: false });
    settle();
    edit(add('a', 'n', 5));
    const [batch] = sync.take(0);
    sync.receive({ t: 'reject', cid: batch?.cid ?? 0, kind: 'final', code: 'overflow', message: '' }, 0);
    expect(state()).toEqual({ a: { n: 1 } });
    expect(sync.undo()).toBe(false);
    expect(state()).toEqual({ a: { n: 1 } });
  });

  /** The server commits what we have done so far: afterwards others follow in the order. */
  function settle(): void {
    const view = [...sync.replica.view];
    for (const { cid } of sync.take(0)) {
      seq += 1;
      const isLast = cid === Math.max(...sync.pending.all.map((batch) => batch.cid ?? 0));
      const gone = [...sync.replica.confirmed.keys()].filter((id) => !sync.replica.view.has(id));
      const changes: Change[] = isLast
        ? [...view.map(([id, object]): Change => ['put', id, { ...object.props }]), ...gone.map((id): Change => ['del', id])]
        : [];
      sync.receive({ t: 'commits', seq, id: `c${seq}`, commits: [[ME, cid, changes]] }, 0);
    }
  }
});

describe('any sequence', () => {
  it('undo to the beginning and redo to the end changes nothing, with others at work or not', () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = new Random(seed);
      start();
      const ids = ['a', 'b', 'c'];
      const withOthers = seed % 2 === 0;
      for (let i = 0; i < 30; i += 1) {
        if (withOthers && random.chance(0.2)) other(['put', 'theirs', { i }]);
        try {
          edit(...Array.from({ length: 1 + random.below(4) }, () => randomOp(random, ids)));
        } catch {
          continue; // not allowed in this state
        }
        if (random.chance(0.2)) sync.undo();
        if (random.chance(0.1)) sync.redo();
      }
      const present = state();
      let steps = 0;
      while (sync.undo()) steps += 1;
      expect(Object.keys(state()).filter((id) => id !== 'theirs'), `seed ${seed}`).toEqual([]);
      for (let i = 0; i < steps; i += 1) sync.redo();
      expect(state(), `seed ${seed}`).toEqual(present);
    }
  });

  function randomOp(random: Random, ids: readonly string[]): Op {
    const id = random.pick(ids);
    const prop = random.pick(['x', 'y', 'n']);
    switch (random.below(5)) {
      case 0: return create(id, { [prop]: random.below(3) });
      case 1: return remove(id);
      case 2: return update(id, { [prop]: random.below(3) });
      case 3: return update(id, {}, [prop]);
      default: return add(id, 'n', 1 + random.below(3));
    }
  }
});
