/** Collects what one look at the scene has found, and hands it to the canvas in batches that the server takes. */
import type { Canvas, CanvasError, Tx } from '@collabcanvas/sdk';

/** Below the limits of the protocol, 500 ops and 256 KiB as MessagePack, with room for what is only estimated. */
const MOST_EDITS = 400;
const MOST_BYTES = 128 * 1024;

export interface Edit {
  readonly id: string;
  /** Bytes, about. */
  readonly size: number;
  readonly make: (tx: Tx) => void;
}

/**
 * The editor undoes by itself, so nothing of this is a step of the canvas's own undo.
 * @param refused hears of the edits that the canvas does not take; nothing of their batch has been made
 */
export function send(canvas: Pick<Canvas, 'batch'>, edits: readonly Edit[], refused: (ids: string[], error: CanvasError) => void): void {
  for (const part of parts(edits)) {
    try {
      canvas.batch((tx) => part.forEach(({ make }) => make(tx)), { undo: false });
    } catch (error) {
      refused(part.map(({ id }) => id), error as CanvasError);
    }
  }
}

/** Cuts a list of edits where a batch would become too large. */
export function parts(edits: readonly Edit[]): Edit[][] {
  const all: Edit[][] = [];
  let size = 0;
  for (const edit of edits) {
    const last = all.at(-1);
    if (last === undefined || last.length === MOST_EDITS || size + edit.size > MOST_BYTES) {
      all.push([edit]);
      size = edit.size;
    } else {
      last.push(edit);
      size += edit.size;
    }
  }
  return all;
}
