import { Canvas } from '@collabcanvas/sdk';
import { describe, expect, it } from 'vitest';
import { Camera } from './camera';
import { createInFront, deleteSelected, duplicateSelected, groupable, groupSelected, moveInDepth, nudge, restyle, selectAll, styleOfSelection } from './commands';
import { LiveEdit } from './live-edit';
import { COLOURS, INK } from './palette';
import { Pen } from './pen';
import { Scene } from './scene/scene';
import { Selection } from './selection';
import type { Stage } from './tools/tool';

/** Never opened: the canvas below is not asked to connect. */
class NoSocket extends EventTarget {}

/** A stage whose canvas never connects: all edits are local, which is all that these functions are about. */
function offlineStage(): Stage {
  const canvas = new Canvas({ url: 'ws://127.0.0.1/', WebSocket: NoSocket as unknown as typeof WebSocket, warnBeforeUnload: false });
  const scene = new Scene(canvas);
  canvas.on('change', ({ ids }) => scene.apply(ids));
  const nothing = (): void => undefined;
  return { canvas, scene, camera: new Camera(), selection: new Selection(), pen: new Pen(), setTool: nothing, editText: nothing, redraw: nothing };
}

function withRects(...places: [number, number][]): { stage: Stage; ids: string[] } {
  const stage = offlineStage();
  const ids = createInFront(stage, places.map(([x, y]) => ({ type: 'rect', x, y, w: 100, h: 100, stroke: '#22262b', fill: 'none', strokeWidth: 2 })));
  return { stage, ids };
}

const order = ({ canvas }: Stage, ids: readonly string[]): number[] => canvas.ordered().map(({ id }) => ids.indexOf(id));

describe('commands', () => {
  it('create in front, in the given order', () => {
    const { stage, ids } = withRects([0, 0], [10, 10], [20, 20]);
    expect(order(stage, ids)).toEqual([0, 1, 2]);
    const [top] = createInFront(stage, [{ type: 'note', x: 0, y: 0 }]);
    expect(stage.canvas.ordered().at(-1)?.id).toBe(top);
  });

  it('bring to front and send to back, keeping the order among the moved', () => {
    const { stage, ids } = withRects([0, 0], [10, 10], [20, 20], [30, 30]);
    stage.selection.set([ids[2] ?? '', ids[0] ?? '']);
    moveInDepth(stage, 'front');
    expect(order(stage, ids)).toEqual([1, 3, 0, 2]);
    moveInDepth(stage, 'back');
    expect(order(stage, ids)).toEqual([0, 2, 1, 3]);
  });

  it('pass the next shape that overlaps, not the next anywhere', () => {
    const { stage, ids } = withRects([0, 0], [5000, 5000], [50, 50]);
    stage.selection.set([ids[0] ?? '']);
    moveInDepth(stage, 'forward');
    expect(order(stage, ids)).toEqual([1, 2, 0]);
    moveInDepth(stage, 'forward');
    expect(order(stage, ids)).toEqual([1, 2, 0]);
    moveInDepth(stage, 'backward');
    expect(order(stage, ids)).toEqual([1, 0, 2]);
  });

  it('group what is not one group yet, and take apart what is one', () => {
    const { stage, ids } = withRects([0, 0], [10, 10], [20, 20]);
    const [a = '', b = '', c = ''] = ids;
    const can = (...picked: string[]): [boolean, boolean] => {
      stage.selection.set(picked);
      const { canGroup, canUngroup } = groupable(stage);
      return [canGroup, canUngroup];
    };
    expect(can()).toEqual([false, false]);
    expect(can(a)).toEqual([false, false]);
    expect(can(a, b)).toEqual([true, false]);
    groupSelected(stage, 'g');
    expect(can(a, b)).toEqual([false, true]);
    expect(can(a, b, c)).toEqual([true, true]);
    expect(can(b)).toEqual([false, true]);
    stage.selection.set([a, b]);
    groupSelected(stage, null);
    expect(can(a, b)).toEqual([true, false]);
  });

  it('duplicate beside the original and select the copies', () => {
    const { stage, ids } = withRects([0, 0], [200, 0]);
    selectAll(stage);
    duplicateSelected(stage);
    expect(stage.canvas.objects.size).toBe(4);
    expect([...stage.selection.ids].some((id) => ids.includes(id))).toBe(false);
    expect(stage.canvas.ordered().map(({ props }) => props['x'])).toEqual([0, 200, 24, 224]);
  });

  it('delete any number as one undo step', () => {
    const { stage } = withRects(...Array.from({ length: 1200 }, (_, i): [number, number] => [i, i]));
    selectAll(stage);
    deleteSelected(stage);
    expect(stage.canvas.objects.size).toBe(0);
    stage.canvas.undo();
    expect(stage.canvas.objects.size).toBe(1200);
  });

  it('split what is too large for one batch', () => {
    const stage = offlineStage();
    const points = Array.from({ length: 3000 }, (_, i) => i + 0.5);
    const ids = createInFront(stage, Array.from({ length: 30 }, () => ({ type: 'draw', x: 0, y: 0, w: 1, h: 1, points })));
    expect(new Set(ids).size).toBe(30);
    expect(stage.canvas.ordered().map(({ id }) => id)).toEqual(ids);
  });

  it('nudge the selection', () => {
    const { stage, ids } = withRects([0, 0]);
    stage.selection.set(ids);
    nudge(stage, 10, -1);
    expect(stage.scene.get(ids[0] ?? '')).toMatchObject({ x: 10, y: -1 });
  });
});

describe('restyle', () => {
  const blue = COLOURS.find(({ name }) => name === 'Blue') ?? INK;

  it('keeps the kind of fill when the colour changes', () => {
    const { stage, ids } = withRects([0, 0]);
    stage.selection.set(ids);
    restyle(stage, { fill: 'soft' });
    restyle(stage, { colour: blue });
    expect(stage.scene.get(ids[0] ?? '')).toMatchObject({ stroke: blue.light.ink, fill: blue.light.soft });
    expect(styleOfSelection(stage)).toMatchObject({ colour: blue, fill: 'soft' });
  });

  it('colours the paper of notes and sets the pen for what comes', () => {
    const stage = offlineStage();
    const [id = ''] = createInFront(stage, [{ type: 'note', x: 0, y: 0 }]);
    stage.selection.set([id]);
    restyle(stage, { colour: blue, strokeWidth: 8 });
    expect(stage.canvas.get(id)?.props).toMatchObject({ fill: blue.light.note });
    expect(stage.canvas.get(id)?.props['strokeWidth']).toBeUndefined();
    expect(stage.pen.lineProps()).toMatchObject({ stroke: blue.light.ink, strokeWidth: 8 });
  });
});

describe('LiveEdit', () => {
  it('shows each step at once and is one undo step', () => {
    const { stage, ids } = withRects([0, 0]);
    const [id = ''] = ids;
    const edit = new LiveEdit(stage.canvas, stage.scene);
    for (let x = 1; x <= 50; x++) {
      edit.update(id, { x });
      edit.flush();
      expect(stage.scene.get(id)?.x).toBe(x);
    }
    edit.end();
    expect(stage.canvas.get(id)?.props['x']).toBe(50);
    stage.canvas.undo();
    expect(stage.scene.get(id)?.x).toBe(0);
  });

  it('leaves nothing after a cancel', () => {
    const { stage, ids } = withRects([0, 0]);
    const edit = new LiveEdit(stage.canvas, stage.scene);
    const made = edit.create({ type: 'rect', x: 5, y: 5 });
    edit.update(ids[0] ?? '', { x: 70 });
    edit.flush();
    edit.cancel();
    expect(stage.canvas.get(made)).toBeUndefined();
    expect(stage.scene.get(ids[0] ?? '')?.x).toBe(0);
    edit.end();
    expect(stage.canvas.objects.size).toBe(1);
  });

  it('does not bring back what was deleted in the middle of a drag', () => {
    const { stage, ids } = withRects([0, 0]);
    const [id = ''] = ids;
    const edit = new LiveEdit(stage.canvas, stage.scene);
    edit.update(id, { x: 10 });
    stage.canvas.batch((tx) => tx.delete(id));
    edit.update(id, { x: 20 });
    edit.end();
    expect(stage.scene.get(id)).toBeUndefined();
    expect(stage.canvas.objects.size).toBe(0);
  });
});
