import { rectBetween, type Point } from '../../scene/geometry';
import type { Drag, OverlayBrush, Press, Stage } from '../tool';

/** Selects what a rectangle touches; with Shift in addition to what was selected. */
export class AreaDrag implements Drag {
  private readonly before: ReadonlySet<string>;
  private to: Point;

  constructor(
    private readonly stage: Stage,
    private readonly from: Point,
    adding: boolean,
  ) {
    this.before = adding ? stage.selection.ids : new Set();
    this.to = from;
  }

  move({ at }: Press): void {
    this.to = at;
    const { scene } = this.stage;
    const touched = scene.inArea(rectBetween(this.from, at)).flatMap(({ id }) => scene.mates(id));
    this.stage.selection.set([...this.before, ...touched]);
    this.stage.redraw();
  }

  end(): void {
    this.stage.redraw();
  }

  cancel(): void {
    this.stage.selection.set(this.before);
  }

  paint({ ctx, camera, theme }: OverlayBrush): void {
    const { x, y, w, h } = rectBetween(camera.toScreen(this.from), camera.toScreen(this.to));
    ctx.fillStyle = theme.accentWash;
    ctx.strokeStyle = theme.accent;
    ctx.lineWidth = 1;
    ctx.fillRect(x, y, w, h);
    ctx.strokeRect(x + 0.5, y + 0.5, w, h);
  }
}
