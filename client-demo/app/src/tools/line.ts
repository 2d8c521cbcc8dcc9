import { LiveEdit } from '../live-edit';
import { distance, type Point } from '../scene/geometry';
import { propsThrough } from '../scene/outline';
import { snapDirection } from '../scene/transform';
import { frontKey, slackOf, type Press, type Stage, type Tool } from './tool';

/** Tenths of a canvas unit are finer than any screen shows. */
export const LINE_PRECISION = 10;

/** Draws lines and arrows from end to end. */
export class LineTool implements Tool {
  readonly cursor = 'crosshair';
  private start: Press | undefined;
  private edit: LiveEdit | undefined;
  private id = '';

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
    const way = this.wayTo(press, this.start.at);
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

  private forget(): void {
    this.edit = undefined;
    this.start = undefined;
  }

  private wayTo({ at, shift }: Press, start: Point): ReturnType<typeof propsThrough> {
    return propsThrough([start, shift ? snapDirection(start, at) : at], LINE_PRECISION);
  }
}
