import { LiveEdit } from '../../live-edit';
import type { Point } from '../../scene/geometry';
import type { Shape } from '../../scene/shape';
import { duplicateShapes } from '../../commands';
import type { Drag, Press, Stage } from '../tool';

/** Drags shapes along; with Alt their copies. */
export class MoveDrag implements Drag {
  private readonly edit: LiveEdit;
  private readonly shapes: readonly Shape[];

  constructor(
    private readonly stage: Stage,
    shapes: readonly Shape[],
    private readonly from: Point,
    copy: boolean,
  ) {
    this.edit = new LiveEdit(stage.canvas, stage.scene);
    this.shapes = copy ? this.edit.run(() => duplicateShapes(stage, shapes, 0)) : shapes;
  }

  move({ at, shift }: Press): void {
    let dx = at.x - this.from.x;
    let dy = at.y - this.from.y;
    if (shift && Math.abs(dx) > Math.abs(dy)) dy = 0;
    else if (shift) dx = 0;
    // Whole device-independent pixels: what was aligned stays aligned, and numbers stay short.
    const grain = Math.max(1, Math.round(this.stage.camera.zoom));
    const snap = (n: number): number => Math.round(n * grain) / grain;
    for (const { id, x, y } of this.shapes) this.edit.update(id, { x: x + snap(dx), y: y + snap(dy) });
    this.edit.flush();
    this.stage.redraw();
  }

  end(): void {
    this.edit.end();
  }

  cancel(): void {
    this.edit.cancel();
  }
}
