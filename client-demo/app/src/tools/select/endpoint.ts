import { LiveEdit } from '../../live-edit';
import type { Point } from '../../scene/geometry';
import { outlineOf, propsThrough } from '../../scene/outline';
import type { Shape } from '../../scene/shape';
import { snapDirection } from '../../scene/transform';
import { LINE_PRECISION } from '../line';
import type { Drag, OverlayBrush, Press, Stage } from '../tool';
import { paintAnchor } from './handles';

/** Drags one end of a line or an arrow. */
export class EndpointDrag implements Drag {
  private readonly edit: LiveEdit;
  private readonly points: readonly Point[];
  private anchor: Shape | undefined;

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
    this.anchor = this.anchorAt(to);
    const end = this.held === 0 ? 'startAt' : 'endAt';
    this.edit.update(this.shape.id, { ...propsThrough(points, LINE_PRECISION), rotation: 0, [end]: this.anchor?.id ?? null });
    this.edit.flush();
    this.stage.redraw();
  }

  end(): void {
    this.edit.end();
  }

  cancel(): void {
    this.edit.cancel();
  }

  paint(brush: OverlayBrush): void {
    if (this.anchor) paintAnchor(brush, this.anchor);
  }

  /** Only inner points of a bent line stay free. */
  private anchorAt(p: Point): Shape | undefined {
    if (this.held !== 0 && this.held !== this.points.length - 1) return undefined;
    const { start, end } = this.shape.ends;
    const otherEnd = this.points[this.held === 0 ? this.points.length - 1 : 0] ?? p;
    const anchor = this.stage.scene.anchorAt(p, otherEnd);
    return anchor?.id === (this.held === 0 ? end : start) ? undefined : anchor;
  }
}
