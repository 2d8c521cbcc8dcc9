import type { CanvasError, CanvasObject } from '@collabcanvas/sdk';
import { beforeEach, describe, expect, it } from 'vitest';
import { Binding } from './binding';
import { propsOf, type Element } from './element';
import { IDLE, rectangle, TestCanvas, TestScene, TestServer } from './fixtures';
import { repair } from './repair';

interface Tab {
  readonly canvas: TestCanvas;
  readonly scene: TestScene;
  readonly binding: Binding;
  readonly refused: CanvasError[];
}

let server: TestServer;

function tab(random: () => number = () => 0.5): Tab {
  const canvas = new TestCanvas(server);
  const scene = new TestScene();
  const refused: CanvasError[] = [];
  let calls = 0;
  const binding = new Binding(canvas, scene, {
    now: () => 0,
    random: () => (random() + (calls += 1) / 997) % 1,
    request: () => undefined,
    refused: (error) => refused.push(error),
  });
  canvas.changed = (ids) => binding.changed(ids);
  return { canvas, scene, binding, refused };
}

/** Two tabs that put an element at the same place at the same time. */
function twoAtOnePlace(): [Tab, Tab] {
  const [a, b] = [tab(), tab()];
  a.scene.add(rectangle('one'));
  b.scene.add(rectangle('two'));
  return [a, b];
}

/** What each tab has done has gone to the other once; nothing is repaired. */
function passOn(...tabs: Tab[]): void {
  for (const { binding } of tabs) binding.sync();
  server.takeAll();
  for (const { binding } of tabs) binding.sync();
}

/** Everything on its way has arrived, and been shown. */
function settle(...tabs: Tab[]): void {
  for (let round = 0; round < 10; round += 1) {
    for (const { binding } of tabs) binding.sync();
    server.takeAll();
    for (const { binding, canvas } of tabs) {
      binding.sync();
      if (binding.needsRepair) repair(canvas);
    }
    server.takeAll();
  }
}

const lines = (elements: Iterable<Element>): string[] => [...elements].map((element) => JSON.stringify([element.id, Object.entries(propsOf(element)).sort()]));
const objectLines = (objects: readonly CanvasObject[]): string[] => objects.map(({ id, props }) => JSON.stringify([id, Object.entries(props).sort()]));

function expectEqual(...tabs: Tab[]): void {
  for (const { scene, canvas } of tabs) {
    expect(lines(scene.visible)).toEqual(objectLines(canvas.ordered()));
    expect(lines(scene.visible)).toEqual(lines(tabs[0]?.scene.visible ?? []));
  }
}

beforeEach(() => {
  server = new TestServer();
});

describe('a binding', () => {
  it('creates, changes single properties, deletes and restores', () => {
    const [a, b] = [tab(), tab()];
    a.scene.add(rectangle('r'));
    settle(a, b);
    expect(b.scene.get('r')).toMatchObject({ x: 0, index: 'a0' });
    a.scene.edit('r', { x: 5 });
    settle(a, b);
    expect(a.canvas.made.at(-1)).toEqual([{ op: 'update', id: 'r', set: { x: 5 }, unset: [] }]);
    expect(b.scene.get('r')?.['x']).toBe(5);
    b.scene.edit('r', { isDeleted: true });
    settle(a, b);
    expect(a.scene.get('r')).toBeUndefined();
    expect(a.canvas.objects.size).toBe(0);
    b.scene.edit('r', { isDeleted: false });
    settle(a, b);
    expect(a.scene.get('r')?.['x']).toBe(5);
    expectEqual(a, b);
  });

  it('sends nothing of what it has shown itself', () => {
    const [a, b] = [tab(), tab()];
    a.scene.add(rectangle('r'));
    settle(a, b);
    a.scene.edit('r', { x: 1 });
    settle(a, b);
    expect(b.canvas.made).toEqual([]);
  });

  it('deletes what the editor has dropped without a word', () => {
    const a = tab();
    a.scene.add(rectangle('r'));
    a.scene.add(rectangle('s', { index: 'a1' }));
    a.binding.rendered(a.scene.elements());
    settle(a);
    a.scene.list = a.scene.list.filter(({ id }) => id !== 'r');
    a.binding.rendered(a.scene.elements());
    settle(a);
    expect([...server.objects.keys()]).toEqual(['s']);
  });

  it('does not delete what it has just been told of and the editor has not rendered yet', () => {
    const [a, b] = [tab(), tab()];
    a.scene.add(rectangle('r'));
    settle(a);
    b.binding.rendered(b.scene.elements());
    settle(a, b);
    expect(server.objects.size).toBe(1);
  });

  it('keeps to itself what is barely begun, and what is not shared', () => {
    const a = tab();
    a.scene.add(rectangle('r', { width: 0, height: 0 }));
    a.scene.add(rectangle('page', { type: 'iframe', index: 'a1' }));
    settle(a);
    expect(server.objects.size).toBe(0);
    a.scene.edit('r', { width: 3 });
    settle(a);
    expect([...server.objects.keys()]).toEqual(['r']);
  });

  it('lets an element that is being dragged wait, and has both changes in the end', () => {
    const [a, b] = [tab(), tab()];
    a.scene.add(rectangle('r'));
    settle(a, b);
    a.scene.current = { ...IDLE, cursorButton: 'down', selectedElementsAreBeingDragged: true, selectedElementIds: { r: true } };
    a.scene.edit('r', { x: 1 });
    const held = a.scene.get('r');
    b.scene.edit('r', { strokeColor: '#f00', y: 9 });
    settle(a, b);
    expect(a.scene.get('r')).toBe(held);
    a.scene.edit('r', { x: 2 });
    settle(a, b);
    expect(b.scene.get('r')).toMatchObject({ x: 2, y: 9, strokeColor: '#f00' });
    a.scene.current = IDLE;
    settle(a, b);
    expect(a.scene.get('r')).toMatchObject({ x: 2, y: 9, strokeColor: '#f00' });
    expectEqual(a, b);
  });

  it('takes away an element that was deleted while it was dragged, when that is over', () => {
    const [a, b] = [tab(), tab()];
    a.scene.add(rectangle('r'));
    settle(a, b);
    a.scene.current = { ...IDLE, cursorButton: 'down' };
    a.scene.edit('r', { x: 1 });
    a.binding.sync();
    b.scene.edit('r', { isDeleted: true });
    settle(a, b);
    a.scene.edit('r', { x: 2 });
    settle(a, b);
    expect(a.scene.get('r')).toBeDefined();
    a.scene.current = IDLE;
    settle(a, b);
    expectEqual(a, b);
    expect(server.objects.size).toBe(0);
  });

  it('sends a stroke that is being drawn the more rarely, the longer it is', () => {
    const a = tab();
    const points = (n: number): number[][] => Array.from({ length: n }, (_, i) => [i, i]);
    a.scene.add(rectangle('s', { type: 'freedraw', points: points(100), pressures: [] }));
    a.scene.current = { ...IDLE, cursorButton: 'down', newElement: { id: 's' } };
    a.binding.sync();
    a.scene.edit('s', { points: points(101) });
    a.binding.sync();
    expect(a.canvas.made).toHaveLength(1);
    a.scene.current = IDLE;
    a.binding.sync();
    expect(a.canvas.get('s')?.props['points']).toHaveLength(101);
  });

  it('goes back to what the canvas has when an edit is not taken', () => {
    const a = tab();
    a.scene.add(rectangle('r'));
    settle(a);
    const { batch } = a.canvas;
    a.canvas.batch = () => {
      throw new Error('too large');
    };
    a.scene.edit('r', { x: 7 });
    a.scene.add(rectangle('new', { index: 'a1' }));
    a.binding.sync();
    expect(a.refused).toHaveLength(1);
    expect(a.scene.get('r')?.['x']).toBe(0);
    expect(a.scene.get('new')).toBeUndefined();
    a.canvas.batch = batch;
    settle(a);
    expectEqual(a);
  });

  it('shows nothing that the editor could not bear', () => {
    const [a, b] = [tab(), tab()];
    a.canvas.batch((tx) => void tx.create({ type: 'rectangle', x: 'left' }, 'broken'));
    a.canvas.batch((tx) => void tx.create({ ...propsOf(rectangle('page')), type: 'iframe' }, 'page'));
    settle(a, b);
    expect(b.scene.visible).toEqual([]);
  });
});

describe('the order', () => {
  it('gives elements that were put at one place at the same time places of their own', () => {
    const [a, b] = twoAtOnePlace();
    settle(a, b);
    expectEqual(a, b);
    expect(a.scene.visible.map(({ id }) => id)).toEqual(['one', 'two']);
  });

  it('does not take back with a repair what somebody has moved meanwhile', () => {
    const [a, b] = twoAtOnePlace();
    passOn(a, b);
    repair(a.canvas);
    b.scene.edit('two', { index: 'Zz' });
    b.binding.sync();
    server.take(b.canvas);
    settle(a, b);
    expectEqual(a, b);
    expect(a.scene.visible.map(({ id }) => id)).toEqual(['two', 'one']);
  });

  it('comes back to the object’s own when that is free again, also after a drag', () => {
    const [a, b] = twoAtOnePlace();
    passOn(a, b);
    expect(a.scene.get('two')?.index).not.toBe('a0');
    a.scene.current = { ...IDLE, cursorButton: 'down', selectedElementsAreBeingDragged: true, selectedElementIds: { two: true } };
    b.scene.edit('one', { index: 'a5' });
    b.binding.sync();
    server.takeAll();
    a.binding.sync();
    a.scene.current = IDLE;
    settle(a, b);
    expect(a.scene.get('two')?.index).toBe('a0');
    expectEqual(a, b);
  });
});
