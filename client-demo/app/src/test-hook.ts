import { keysBetween, type Canvas } from '@collabcanvas/sdk';
import type { Board } from './board';
import type { Camera } from './camera';
import type { ToolName } from './tools/tool';

/** What the browser tests in `e2e/` hold on to. Only there with `&test=1` in the address; kept stable for them. */
export interface BoardHook {
  readonly canvas: Canvas;
  readonly camera: Camera;
  setTool(name: ToolName): void;
  readonly keysBetween: typeof keysBetween;
  /** Milliseconds between recent frames, pauses left out. */
  fps(): readonly number[];
}

declare global {
  interface Window {
    __board?: BoardHook;
  }
}

export function exposeForTests(board: Board): void {
  if (new URLSearchParams(location.search).get('test') !== '1') return;
  window.__board = {
    canvas: board.canvas,
    camera: board.camera,
    setTool: (name) => board.setTool(name),
    keysBetween,
    fps: () => board.screen.durations(),
  };
}
