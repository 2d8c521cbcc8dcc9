import { LiveEdit } from '../live-edit';
import { distance, rectBetween, type Point, type Rect } from '../scene/geometry';
import { snapSquare } from '../scene/transform';
import { frontKey, slackOf, type Press, type Stage, type Tool } from './tool';

/** Canvas units: what a click without a drag makes. */
const CLICK_SIZE = { w: 160, h: 110 };

/** Draws rectangles and ellipses from corner to corner. */
export class BoxTool implements Tool {
  readonly cursor = 'crosshair';
  private start: Press | undefined;
  private edit: LiveEdit | undefined;
  private id = '';

  constructor(
    private readonly stage: Stage,
    private readonly type: 'rect' | 'ellipse',
  ) {}

  down(press: Press): void {
    this.start = press;
  }

  move(press: Press): void {
    if (!this.start) return;
    const { canvas, scene, selection } = this.stage;
    if (!this.edit && distance(press.screen, this.start.screen) < slackOf(press)) return;
    const rect = this.rectTo(press, this.start.at);
    if (!this.edit) {
      selection.clear();
      this.edit = new LiveEdit(canvas, scene);
      this.id = this.edit.create(this.props(rect));
      return;
    }
    this.edit.update(this.id, { ...rect });
    this.edit.flush();
  }

  up(press: Press): void {
    if (!this.start) return;
    const { canvas, selection } = this.stage;
    if (this.edit) {
      this.edit.end();
    } else {
      const rect = { x: press.at.x - CLICK_SIZE.w / 2, y: press.at.y - CLICK_SIZE.h / 2, ...CLICK_SIZE };
      canvas.batch((tx) => {
        this.id = tx.create(this.props(rect));
      });
    }
    this.forget();
    this.stage.setTool('select');
    selection.set([this.id]);
  }

  cancel(): void {
    this.edit?.cancel();
    this.forget();
  }

  private forget(): void {
    this.edit = undefined;
    this.start = undefined;
  }

  private rectTo({ at, shift, alt }: Press, start: Point): Rect {
    const end = shift ? snapSquare(start, at) : at;
    const opposite = alt ? { x: 2 * start.x - end.x, y: 2 * start.y - end.y } : start;
    return rectBetween(opposite, end);
  }

  private props(rect: Rect): Record<string, string | number> {
    return { type: this.type, ...rect, rotation: 0, ...this.stage.pen.boxProps(), z: frontKey(this.stage.canvas) };
  }
}
