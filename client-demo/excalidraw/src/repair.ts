/**
 * Gives objects that share their place in the order places of their own.
 *
 * Every tab would do the same, so each waits a random while, and most find it done. An object that somebody is moving meanwhile stays as they put it: a
 * repair holds only for the object as it was seen.
 */
import { CanvasError, type Canvas } from '@collabcanvas/sdk';
import { isDrawable } from './drawable';
import { repairs } from './order';

const LEAST_MS = 150;
const MORE_MS = 350;

export class Repairer {
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly canvas: Pick<Canvas, 'ordered' | 'batch' | 'status'>,
    private readonly isNeeded: () => boolean,
  ) {}

  /** Repairs before long, if it is needed then. */
  consider(): void {
    if (this.timer !== undefined || !this.isNeeded()) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      if (!this.isNeeded()) return;
      if (this.canvas.status.connection === 'online') repair(this.canvas);
      this.consider();
    }, LEAST_MS + Math.random() * MORE_MS);
  }
}

export function repair(canvas: Pick<Canvas, 'ordered' | 'batch'>): void {
  for (const { object, z } of repairs(canvas.ordered().filter(isDrawable))) {
    try {
      canvas.batch((tx) => tx.update(object.id, { z }, [], { ifRev: object.rev }), { undo: false });
    } catch (error) {
      // An edit of our own is on its way to it; another time.
      if (!(error instanceof CanvasError) || error.code !== 'precondition') throw error;
    }
  }
}
