import type { Theme } from '../palette';
import type { Frame } from './tiles';

/** Canvas units between dots at 100 %. */
const SPACING = 24;
/** CSS pixels: dots nearer than this thin out to every fourth. */
const CLOSEST = 13;
const THINNING = 4;

/** The paper and its dots, which lie at fixed points of the canvas. */
export function drawBackdrop({ ctx, x, y, scale, w, h }: Frame, theme: Theme, pixelRatio: number): void {
  ctx.fillStyle = theme.paper;
  ctx.fillRect(0, 0, w, h);
  let spacing = SPACING;
  while (spacing * scale < CLOSEST * pixelRatio) spacing *= THINNING;
  while (spacing * scale > CLOSEST * THINNING * pixelRatio) spacing /= THINNING;
  const step = spacing * scale;
  const size = Math.max(1, Math.round(1.6 * pixelRatio));
  const offset = Math.round(size / 2);
  ctx.fillStyle = theme.dot;
  for (let row = Math.ceil(y / spacing); row * spacing < y + h / scale; row++) {
    const top = Math.round((row * spacing - y) * scale) - offset;
    for (let left = (Math.ceil(x / spacing) * spacing - x) * scale; left < w; left += step) {
      ctx.fillRect(Math.round(left) - offset, top, size, size);
    }
  }
}
