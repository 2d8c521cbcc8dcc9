import { LiveEdit } from '../../live-edit';
import { centerOf, type Box, type Point } from '../../scene/geometry';
import type { Shape } from '../../scene/shape';
import { snapAngle, turnBox } from '../../scene/transform';
import type { Drag, Press, Stage } from '../tool';

/** Turns shapes around the middle of their frame; with Shift in steps of 15°. */
export class RotateDrag implements Drag {
  private readonly edit: LiveEdit;
  private readonly pivot: Point;
  private readonly startAngle: number;

  constructor(
    private readonly stage: Stage,
    private readonly shapes: readonly Shape[],
    private readonly frame: Box,
    from: Point,
  ) {
    this.edit = new LiveEdit(stage.canvas, stage.scene);
    this.pivot = centerOf(frame);
    this.startAngle = this.angleOf(from);
  }

  move({ at, shift }: Press): void {
    const free = this.angleOf(at) - this.startAngle;
    const turn = shift ? snapAngle(this.frame.rotation + free) - this.frame.rotation : free;
    for (const shape of this.shapes) {
      const { x, y, rotation } = turnBox(shape, this.pivot, turn);
      this.edit.update(shape.id, { x, y, rotation });
    }
    this.edit.flush();
    this.stage.redraw();
  }

  end(): void {
    this.edit.end();
  }

  cancel(): void {
    this.edit.cancel();
  }

  private angleOf(p: Point): number {
    return Math.atan2(p.y - this.pivot.y, p.x - this.pivot.x);
  }
}
