/** Kinds of objects: what the compiler lets through and what it does not (`npm run typecheck` reads these lines), and that a canvas works the same. */
import { beforeEach, describe, expect, expectTypeOf, it } from 'vitest';
import {
  connect, type Canvas, type CanvasEvents, type CanvasObject, type CanvasOptions, type Changes, type Complete, type NumberIn, type RemovableIn, type Schema,
  type Tx, type Value,
} from '../src/index.js';
import type { showDevtools } from '../src/devtools/index.js';
import { moveBetween } from '../src/order/index.js';
import { CanvasProvider, createHooks, useObject, useObjects, useProject, type Hooks } from '../src/react/index.js';
import { World } from './world.js';

/** Interfaces, also within others: none has an index signature. */
interface Point { x: number; y: number }
interface Rect { type: 'rect'; x: number; y: number; w: number; h: number; fill?: string; z?: string }
interface Note { type: 'note'; x: number; y: number; text: string; likes?: number | undefined; size?: 1 | 2; z?: string }
interface Line { readonly type: 'line'; readonly points: readonly Point[]; readonly ends?: { readonly from?: string; readonly to?: string } }
type Kinds = Rect | Note | Line;

let options: CanvasOptions;
let canvas: Canvas<Kinds>;
let rect: string;

beforeEach(() => {
  const world = new World();
  options = { url: 'ws://h/v1/projects/p/ws', clientId: 'client-1', WebSocket: world.WebSocket, runtime: world };
  canvas = connect<Kinds>(options);
  world.serve();
  canvas.batch((tx) => (rect = tx.create({ type: 'rect', x: 0, y: 0, w: 1, h: 1 })));
});

/** For the compiler: what is in here is checked and never run. */
const unrun = (_: (tx: Tx<Kinds>, id: string) => void): void => {};

describe('a canvas of kinds', () => {
  it('makes, updates and reads objects', () => {
    let note = '';
    canvas.batch((tx) => {
      note = tx.create({ type: 'note', x: 0, y: 0, text: 'hello', size: 1 });
      tx.create({ type: 'line', points: [{ x: 0, y: 0 }, { x: 9, y: 9 }], ends: { from: rect } }, 'l1');
      tx.update(rect, { x: 5 });
      tx.update<Note>(note, { text: 'bye' }, ['size']);
      tx.increment(note, 'likes', 2);
    });
    const seen = [...canvas.objects.values()].map(({ props }) => {
      if (props.type === 'note') return `${props.text.toUpperCase()} ${(props.likes ?? 0) + 1} ${props.size ?? '-'}`;
      return props.type === 'rect' ? props.x + props.w : props.points.map(({ x }) => x).join();
    });
    expect(seen).toEqual([6, 'BYE 3 -', '0,9']);
    canvas.batch((tx) => moveBetween(canvas, tx, [note, rect], null, null));
    expect(canvas.ordered().map(({ id }) => id)).toEqual(['l1', note, rect]);
  });

  it('can make an object one of another kind', () => {
    canvas.batch((tx) => tx.update(rect, { type: 'note', text: 'was a rectangle' }, ['w', 'h', 'fill']));
    expect(canvas.get(rect)?.props).toEqual({ type: 'note', x: 0, y: 0, text: 'was a rectangle' });
  });

  it('is told apart by `type`', () => {
    expectTypeOf(canvas.objects).toEqualTypeOf<ReadonlyMap<string, CanvasObject<Kinds>>>();
    expectTypeOf(canvas.ordered()).toEqualTypeOf<readonly CanvasObject<Kinds>[]>();
    expectTypeOf(canvas.get('a')).toEqualTypeOf<CanvasObject<Kinds> | undefined>();
    expectTypeOf<NonNullable<CanvasEvents<Kinds>['rejected']['current']>>().toEqualTypeOf<CanvasObject<Kinds>>();
    canvas.on('rejected', ({ current }) => expectTypeOf(current).toEqualTypeOf<CanvasObject<Kinds> | null | undefined>());
    for (const object of canvas.objects.values()) {
      if (object.props.type === 'note') expectTypeOf(object.props).toEqualTypeOf<Readonly<Note>>();
      else if (object.props.type === 'line') expectTypeOf(object.props.points).toEqualTypeOf<readonly Point[]>();
      else expectTypeOf(object.props.w).toEqualTypeOf<number>();
      // @ts-expect-error only notes have it
      void object.props.text;
      // @ts-expect-error no kind is called so
      void (object.props.type === 'circle');
    }
    unrun((_, id) => {
      const object = canvas.get(id);
      // @ts-expect-error an object is immutable
      if (object?.props.type === 'rect') object.props.x = 1;
    });
    const isNote = (object: CanvasObject<Kinds>): object is CanvasObject<Note> => object.props.type === 'note';
    expectTypeOf(canvas.ordered().filter(isNote)).toEqualTypeOf<CanvasObject<Note>[]>();
  });
});

describe('the compiler', () => {
  it('wants a new object to be complete, and of one kind', () => {
    expectTypeOf<Parameters<Tx<Kinds>['create']>[0]>().toEqualTypeOf<Complete<Kinds>>();
    unrun((tx) => {
      tx.create({ type: 'rect', x: 0, y: 0, w: 1, h: 1, fill: 'red' });
      tx.create({} as Rect);
      // @ts-expect-error `h` is missing
      tx.create({ type: 'rect', x: 0, y: 0, w: 1 });
      // @ts-expect-error a rectangle has no text
      tx.create({ type: 'rect', x: 0, y: 0, w: 1, h: 1, text: '' });
      // @ts-expect-error no kind is called so
      tx.create({ type: 'circle', x: 0, y: 0 });
      // @ts-expect-error a number
      tx.create({ type: 'note', x: '0', y: 0, text: '' });
      // @ts-expect-error undefined is no value
      tx.create({ type: 'rect', x: 0, y: 0, w: 1, h: 1, fill: undefined });
      // @ts-expect-error not even where the kind allows it
      tx.create({ type: 'note', x: 0, y: 0, text: '', likes: undefined });
      // @ts-expect-error within a property, too
      tx.create({ type: 'line', points: [{ x: 0 }] });
      // @ts-expect-error whatever this is
      tx.create({} as Record<string, Value>);
    });
  });

  it('wants an update to fit one of the kinds', () => {
    expectTypeOf<Changes<Rect>>().toEqualTypeOf<{ type?: 'rect'; x?: number; y?: number; w?: number; h?: number; fill?: string; z?: string }>();
    unrun((tx, id) => {
      tx.update(id, { x: 1, z: 'a0' });
      tx.update(id, { points: [] });
      tx.update(id, {}, [], { ifRev: 3, ifAbsent: ['fill'] });
      // @ts-expect-error no kind has it
      tx.update(id, { colour: 'red' });
      // @ts-expect-error a number
      tx.update(id, { x: '1' });
      // @ts-expect-error only rectangles have the one, and only notes the other
      tx.update(id, { w: 1, text: '' });
      // @ts-expect-error a note has no width
      tx.update(id, { type: 'note', w: 1 });
      // @ts-expect-error undefined is no value
      tx.update(id, { fill: undefined });
      // @ts-expect-error not even where the kind allows it
      tx.update(id, { likes: undefined });
      // @ts-expect-error no kind has it
      tx.update(id, {}, ['colour']);
      // @ts-expect-error all kinds need it
      tx.update(id, {}, ['type']);
      // @ts-expect-error no kind has it
      tx.update(id, {}, [], { ifAbsent: ['colour'] });
      // @ts-expect-error no kind has it
      tx.delete(id, { ifAbsent: ['colour'] });
    });
  });

  it('wants an update of a named kind to fit this one', () => {
    unrun((tx, id) => {
      tx.update<Rect>(id, { w: 1 }, ['fill']);
      tx.update<Rect | Note>(id, { text: '' });
      // @ts-expect-error a rectangle has no text
      tx.update<Rect>(id, { text: '' });
      // @ts-expect-error a rectangle needs its width
      tx.update<Rect>(id, {}, ['w']);
      // @ts-expect-error not one of the kinds
      tx.update<{ type: 'circle' }>(id, {});
    });
  });

  it('lets only numbers be incremented', () => {
    expectTypeOf<NumberIn<Kinds>>().toEqualTypeOf<'x' | 'y' | 'w' | 'h' | 'likes'>();
    expectTypeOf<RemovableIn<Kinds>>().toEqualTypeOf<'x' | 'y' | 'w' | 'h' | 'fill' | 'z' | 'text' | 'likes' | 'size' | 'points' | 'ends'>();
    unrun((tx, id) => {
      tx.increment(id, 'likes', 1n);
      // @ts-expect-error text
      tx.increment(id, 'text', 1);
      // @ts-expect-error 1 or 2, which an increment does not keep to
      tx.increment(id, 'size', 1);
    });
  });

  it('takes for kinds only what can be stored', () => {
    type Kind<K extends Schema<K>> = K;
    expectTypeOf<Kind<{ at?: number | undefined; by: Uint8Array; of: Record<string, Value>; parent?: string | null }>>().toBeObject();
    expectTypeOf<Kind<Line>>().toEqualTypeOf<Line>();
    interface Tree { branches: Tree[] }
    expectTypeOf<Kind<Tree>>().toEqualTypeOf<Tree>();
    // @ts-expect-error a date is no value
    expectTypeOf<Kind<{ at: Date }>>();
    // @ts-expect-error a function is no value
    expectTypeOf<Kind<{ run(): void }>>();
    // @ts-expect-error nobody knows what that is
    expectTypeOf<Kind<{ data: unknown }>>();
    // @ts-expect-error one kind of two
    expectTypeOf<Kind<Rect | { type: 'clock'; at: Date }>>();
    // @ts-expect-error a list of kinds
    expectTypeOf<Kind<Rect[]>>();
    // @ts-expect-error not an object
    expectTypeOf<Kind<string>>();
    // @ts-expect-error `z` is an order key
    expectTypeOf<Kind<{ z: number }>>();
    // @ts-expect-error `type` is text
    expectTypeOf<Kind<{ type: 7 }>>();
  });

  it('lets every property through where no kinds are named', () => {
    expectTypeOf<CanvasObject['props']>().toEqualTypeOf<Readonly<Record<string, Value>>>();
    expectTypeOf<Parameters<Tx['create']>[0]>().toEqualTypeOf<Record<string, Value>>();
    expectTypeOf<Changes<Record<string, Value>>>().toEqualTypeOf<Record<string, Value>>();
    expectTypeOf<RemovableIn<Record<string, Value>>>().toEqualTypeOf<string>();
    expectTypeOf<NumberIn<Record<string, Value>>>().toEqualTypeOf<string>();
    unrun(() => {
      const open = connect(options);
      expectTypeOf(open).toEqualTypeOf<Canvas>();
      open.batch((tx) => tx.update(tx.create({ anything: [1] }), { else: { a: null } }, ['more'], { ifAbsent: ['any'] }));
      // @ts-expect-error a date is no value
      open.batch((tx) => tx.update('a', { at: new Date() }));
      // @ts-expect-error undefined is no value
      open.batch((tx) => tx.update('a', { x: undefined }));
    });
  });

  it('tells canvases of different kinds apart', () => {
    expectTypeOf<Canvas<Kinds>>().not.toExtend<Canvas<Rect>>();
    expectTypeOf<Canvas>().not.toExtend<Canvas<Kinds>>();
    // Whoever has that could write anything into it.
    expectTypeOf<Canvas<Kinds>>().not.toExtend<Canvas>();
    unrun(() => {
      const expected: Canvas<Kinds> = connect(options);
      expectTypeOf(expected.ordered()).toEqualTypeOf<readonly CanvasObject<Kinds>[]>();
    });
  });

  it('has a type for any canvas, which can be read', () => {
    expectTypeOf<Canvas<Kinds>>().toExtend<Canvas<object>>();
    expectTypeOf<Canvas>().toExtend<Canvas<object>>();
    expectTypeOf<Canvas<Kinds>>().toExtend<Parameters<typeof showDevtools>[0]>();
    unrun(() => {
      const some: Canvas<object> = canvas;
      some.batch((tx) => tx.delete('a'));
      // @ts-expect-error of which kind?
      some.batch((tx) => tx.update('a', { x: 1 }));
      // @ts-expect-error of which kind?
      some.batch((tx) => void tx.create({ x: 1 }));
      const same = <K extends Schema<K>>(one: Canvas<K>): Canvas<K> => one;
      expectTypeOf(same(canvas)).toEqualTypeOf<Canvas<Kinds>>();
    });
  });
});

describe('hooks', () => {
  const hooks = createHooks<Kinds>();

  it('of kinds are the same hooks', () => {
    expect(hooks).toEqual({ CanvasProvider, useProject, useObject, useObjects });
  });

  it('of kinds have their types', () => {
    expectTypeOf(hooks).toEqualTypeOf<Hooks<Kinds>>();
    expectTypeOf(hooks.useProject).returns.toEqualTypeOf<Canvas<Kinds>>();
    unrun((_, id) => {
      expectTypeOf(hooks.useObject(id)).toEqualTypeOf<CanvasObject<Kinds> | undefined>();
      expectTypeOf(hooks.useObject<Note>(id)).toEqualTypeOf<CanvasObject<Note> | undefined>();
      expectTypeOf(hooks.useObjects()).toEqualTypeOf<readonly CanvasObject<Kinds>[]>();
      const texts = hooks.useObjects((objects) => objects.flatMap(({ props }) => (props.type === 'note' ? [props.text] : [])));
      expectTypeOf(texts).toEqualTypeOf<string[]>();
      hooks.CanvasProvider({ canvas });
      // @ts-expect-error not of these kinds
      hooks.CanvasProvider({ canvas: connect<Record<string, Value>>(options) });
      // @ts-expect-error not one of the kinds
      hooks.useObject<{ text: string }>(id);
      // @ts-expect-error `colour` is a property of no kind
      hooks.useProject().batch((tx) => tx.update(id, { colour: 'red' }));
    });
  });

  it('without kinds take any canvas and the word of the caller', () => {
    unrun((_, id) => {
      CanvasProvider({ canvas });
      expectTypeOf(useProject()).toEqualTypeOf<Canvas>();
      expectTypeOf(useObject(id)).toEqualTypeOf<CanvasObject | undefined>();
      expectTypeOf(useObject<{ text: string }>(id)?.props.text).toEqualTypeOf<string | undefined>();
      expectTypeOf(useObjects()).toEqualTypeOf<readonly CanvasObject[]>();
    });
  });
});
