/** Tells the user what the server has not taken, or has lost. */
import type { ExcalidrawImperativeAPI } from '@excalidraw/excalidraw/types';
import type { Canvas } from '@collabcanvas/sdk';
import { lossAsJson } from '@collabcanvas/sdk/json';

export function reportTroubles(canvas: Canvas, api: ExcalidrawImperativeAPI): void {
  canvas.on('rejected', ({ code, message }) => {
    // A repair of the order that somebody else was quicker with (`repair.ts`); the only edits here with a precondition.
    if (code !== 'precondition') api.setToast({ message: `That did not work: ${message}`, closable: true });
  });
  canvas.on('loss', (loss) => {
    console.warn('lost changes', lossAsJson(loss));
    const isWished = confirm('The server has lost changes that it had called saved. Make them again?');
    if (isWished) canvas.putBack(loss);
  });
}
