import type { ExcalidrawImperativeAPI } from '@excalidraw/excalidraw/types';
import type { Canvas } from '@collabcanvas/sdk';

/** What the browser test holds on to. Only there with `&test=1` in the address. */
export interface ExcalidrawHook {
  readonly canvas: Canvas;
  readonly api: ExcalidrawImperativeAPI;
}

declare global {
  interface Window {
    __excalidraw?: ExcalidrawHook;
  }
}

export function exposeForTests(canvas: Canvas, api: ExcalidrawImperativeAPI): void {
  if (new URLSearchParams(location.search).get('test') === '1') window.__excalidraw = { canvas, api };
}
