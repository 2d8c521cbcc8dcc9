/** How an application opens a project. */
import { Canvas } from './canvas.js';
import type { CanvasOptions } from './options.js';

/** Opens a project and keeps it open: connects, reconnects, resends, until `close`. */
export function connect(options: CanvasOptions): Canvas {
  const canvas = new Canvas(options);
  if (options.keeper === undefined) canvas.reconnect();
  else void canvas.whenOpened();
  return canvas;
}
