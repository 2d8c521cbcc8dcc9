import { LiveEdit } from '../live-edit';
import { distance, type Point } from '../scene/geometry';
import { propsThrough } from '../scene/outline';
import { snapDirection } from '../scene/transform';
import type { Shape } from '../scene/shape';
import { paintAnchor } from './select/handles';
import { frontKey, slackOf, type OverlayBrush, type Press, type Stage, type Tool } from './tool';

/** Tenths of a canvas unit are finer than any screen shows. */
export const LINE_PRECISION = 10;

/** Draws lines and arrows from end to end. */
export class LineTool implements Tool {
  readonly cursor = 'crosshair';
  private start: Press | undefined;
  private edit: LiveEdit | undefined;
  private id = '';
  private anchor: Shape | undefined;

  constructor(
    private readonly stage: Stage,
    private readonly type: 'line' | 'arrow',
  ) {}

  down(press: Press): void {
    this.start = press;
  }

  move(press: Press): void {
    if (!this.start) return;
    const { canvas, scene, selection, pen } = this.stage;
    if (!this.edit && distance(press.screen, this.start.screen) < slackOf(press)) return;
    const [from, to] = [this.start.at, this.endOf(press, this.start.at)];
    this.anchor = scene.anchorAt(to, from);
    const way = { ...propsThrough([from, to], LINE_PRECISION), startAt: scene.anchorAt(from, to)?.id ?? null, endAt: this.anchor?.id ?? null };
    this.stage.redraw();
    if (!this.edit) {
      selection.clear();
      this.edit = new LiveEdit(canvas, scene);
      this.id = this.edit.create({ type: this.type, ...way, rotation: 0, ...pen.lineProps(), z: frontKey(canvas) });
      return;
    }
    this.edit.update(this.id, way);
    this.edit.flush();
  }

  up(): void {
    const drawn = this.edit !== undefined;
    this.edit?.end();
    this.forget();
    // A click draws nothing: a line needs two ends, and the tool stays for another try.
    if (!drawn) return;
    this.stage.setTool('select');
    this.stage.selection.set([this.id]);
  }

  cancel(): void {
    this.edit?.cancel();
    this.forget();
  }

  paint(brush: OverlayBrush): void {
    if (this.edit && this.anchor) paintAnchor(brush, this.anchor);
  }

  private forget(): void {
    this.anchor = undefined;
    this.edit = undefined;
    this.start = undefined;
  }

  private endOf({ at, shift }: Press, start: Point): Point {
    return shift ? snapDirection(start, at) : at;
  }
}
