import { LiveEdit } from '../../live-edit';
import type { Point } from '../../scene/geometry';
import { outlineOf, propsThrough } from '../../scene/outline';
import type { Shape } from '../../scene/shape';
import { snapDirection } from '../../scene/transform';
import { LINE_PRECISION } from '../line';
import type { Drag, Press, Stage } from '../tool';

/** Drags one end of a line or an arrow. */
export class EndpointDrag implements Drag {
  private readonly edit: LiveEdit;
  private readonly points: readonly Point[];

  constructor(
    private readonly stage: Stage,
    private readonly shape: Shape,
    /** Which point of the line is held. */
    private readonly held: number,
  ) {
    this.edit = new LiveEdit(stage.canvas, stage.scene);
    this.points = outlineOf(shape);
  }

  move({ at, shift }: Press): void {
    const neighbour = this.points[this.held === 0 ? 1 : this.held - 1];
    const to = shift && neighbour ? snapDirection(neighbour, at) : at;
    const points = this.points.map((p, i) => (i === this.held ? to : p));
    this.edit.update(this.shape.id, { ...propsThrough(points, LINE_PRECISION), rotation: 0 });
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
