import { readableOn } from '../palette';
import type { Point } from '../scene/geometry';
import { FONT_FAMILY } from './text';

const FONT = `600 12px ${FONT_FAMILY}`;
const HEIGHT = 21;
const PADDING = 8;

/** Widths of the names that are on screen again and again. */
const widths = new Map<string, number>();

/** How wide a tag with this text is. */
export function tagWidth(ctx: CanvasRenderingContext2D, text: string): number {
  const known = widths.get(text);
  if (known !== undefined) return known;
  if (widths.size > 500) widths.clear();
  ctx.font = FONT;
  const width = ctx.measureText(text).width + 2 * PADDING;
  widths.set(text, width);
  return width;
}

/** A name on its colour, its top left corner at `at` (CSS pixels). */
export function paintTag(ctx: CanvasRenderingContext2D, { x, y }: Point, text: string, color: string): void {
  const w = tagWidth(ctx, text);
  ctx.fillStyle = color;
  ctx.beginPath();
  ctx.roundRect(x, y, w, HEIGHT, HEIGHT / 2);
  ctx.fill();
  ctx.font = FONT;
  ctx.fillStyle = readableOn(color);
  ctx.textBaseline = 'middle';
  ctx.textAlign = 'left';
  ctx.fillText(text, x + PADDING, y + HEIGHT / 2 + 0.5);
}
