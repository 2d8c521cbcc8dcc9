import { frontKey, type Press, type Stage, type Tool } from './tool';

/** Canvas units. */
export const NOTE_SIZE = 200;

/** Puts a sticky note where one clicks, and opens it for writing. */
export class NoteTool implements Tool {
  readonly cursor = 'crosshair';
  private isDown = false;

  constructor(private readonly stage: Stage) {}

  down(): void {
    this.isDown = true;
  }

  move(): void {
    // A note appears under the pointer when it is let go, wherever that is.
  }

  up(press: Press): void {
    if (!this.isDown) return;
    this.isDown = false;
    const { canvas, pen, selection } = this.stage;
    let id = '';
    canvas.batch((tx) => {
      id = tx.create({
        type: 'note',
        x: Math.round(press.at.x - NOTE_SIZE / 2),
        y: Math.round(press.at.y - NOTE_SIZE / 2),
        w: NOTE_SIZE,
        h: NOTE_SIZE,
        rotation: 0,
        text: '',
        ...pen.noteProps(),
        z: frontKey(canvas),
      });
    });
    this.stage.setTool('select');
    selection.set([id]);
    this.stage.editText(id);
  }

  cancel(): void {
    this.isDown = false;
  }
}
