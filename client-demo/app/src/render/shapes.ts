import { NO_FILL, readableOn, type Theme } from '../palette';
import { rotatePoint, centerOf, type Point } from '../scene/geometry';
import { extentOf, outlineOf, stretchOf } from '../scene/outline';
import { arrowHead, holdsText, isLinear, type Shape } from '../scene/shape';
import { pictureAt } from './images';
import { baselineRise, fontOf, heightOf, layoutNote, layoutText, LEADING, type Layout } from './text';

/** Device pixels: a shape smaller than this is a speck of its colour. */
const SPECK = 5;
/** Device pixels: below this corners are square and notes cast no shadow. */
const PLAIN = 28;
/** Device pixels: text below this size is painted as bars, below the other not at all. */
const LEGIBLE = 5;
const VISIBLE_TEXT = 1.2;

/** Device pixels: a line does not fade away when seen from afar. */
const THINNEST = 0.8;

const CORNER = 10;
const NOTE_CORNER = 5;
/** How far a note's shadow falls. */
const SHADOW = 9;
/** Canvas units between the edge of a shape and its text. */
export const PADDING = 14;

export interface Brush {
  readonly ctx: CanvasRenderingContext2D;
  readonly theme: Theme;
  /** Device pixels per canvas unit. */
  readonly scale: number;
}

/** Paints one shape; the context's transform goes from canvas units to device pixels. */
export function paintShape(brush: Brush, s: Shape, withText: boolean): void {
  const { ctx, scale } = brush;
  ctx.globalAlpha = s.opacity;
  if (Math.max(s.w, s.h, s.strokeWidth) * scale < SPECK) {
    paintSpeck(brush, s);
    return;
  }
  if (isLinear(s.type)) {
    paintLine(brush, s);
    return;
  }
  if (s.rotation === 0) {
    paintUpright(brush, s, withText);
    return;
  }
  const c = centerOf(s);
  ctx.save();
  ctx.translate(c.x, c.y);
  ctx.rotate(s.rotation);
  ctx.translate(-c.x, -c.y);
  paintUpright(brush, s, withText);
  ctx.restore();
}

function paintSpeck({ ctx, theme, scale }: Brush, s: Shape): void {
  const colour = theme.paint(s.fill) ?? theme.paint(s.stroke);
  if (!colour) return;
  ctx.fillStyle = colour;
  const least = 1 / scale;
  ctx.fillRect(s.x, s.y, Math.max(s.w, least), Math.max(s.h, least));
}

function paintUpright(brush: Brush, s: Shape, withText: boolean): void {
  if (s.type === 'draw') paintFreehand(brush, s);
  else if (s.type === 'rect') paintRect(brush, s);
  else if (s.type === 'ellipse') paintEllipse(brush, s);
  else if (s.type === 'note') paintNote(brush, s);
  else if (s.type === 'image') paintImage(brush, s);
  if (withText && s.text !== '' && holdsText(s.type)) paintText(brush, s);
}

function strokeWith({ ctx, theme, scale }: Brush, s: Shape): boolean {
  const colour = theme.paint(s.stroke);
  if (!colour || s.strokeWidth <= 0) return false;
  ctx.strokeStyle = colour;
  ctx.lineWidth = Math.max(s.strokeWidth, THINNEST / scale);
  ctx.lineCap = 'round';
  ctx.lineJoin = 'round';
  return true;
}

function paintRect(brush: Brush, s: Shape): void {
  const { ctx, theme, scale } = brush;
  const fill = theme.paint(s.fill);
  if (Math.max(s.w, s.h) * scale < PLAIN) {
    if (fill) {
      ctx.fillStyle = fill;
      ctx.fillRect(s.x, s.y, s.w, s.h);
    }
    if (strokeWith(brush, s)) ctx.strokeRect(s.x, s.y, s.w, s.h);
    return;
  }
  ctx.beginPath();
  ctx.roundRect(s.x, s.y, s.w, s.h, Math.min(CORNER, s.w / 4, s.h / 4));
  if (fill) {
    ctx.fillStyle = fill;
    ctx.fill();
  }
  if (strokeWith(brush, s)) ctx.stroke();
}

function paintEllipse(brush: Brush, s: Shape): void {
  const { ctx, theme } = brush;
  const c = centerOf(s);
  ctx.beginPath();
  ctx.ellipse(c.x, c.y, s.w / 2, s.h / 2, 0, 0, 2 * Math.PI);
  const fill = theme.paint(s.fill);
  if (fill) {
    ctx.fillStyle = fill;
    ctx.fill();
  }
  if (strokeWith(brush, s)) ctx.stroke();
}

function paintNote({ ctx, theme, scale }: Brush, s: Shape): void {
  const fill = theme.paint(s.fill) ?? theme.paper;
  if (Math.max(s.w, s.h) * scale < PLAIN) {
    ctx.fillStyle = fill;
    ctx.fillRect(s.x, s.y, s.w, s.h);
    return;
  }
  // Stacked sheets of shade: a blurred shadow costs a hundred times as much without a GPU.
  ctx.fillStyle = theme.shadow;
  for (let drop = 1; drop <= SHADOW; drop += 1.5) {
    ctx.beginPath();
    ctx.roundRect(s.x + drop / 2, s.y + drop, Math.max(0, s.w - drop), s.h, NOTE_CORNER + drop / 2);
    ctx.fill();
  }
  ctx.fillStyle = fill;
  ctx.beginPath();
  ctx.roundRect(s.x, s.y, s.w, s.h, NOTE_CORNER);
  ctx.fill();
}

function paintImage({ ctx, theme }: Brush, s: Shape): void {
  const picture = pictureAt(s.url);
  if (picture.state === 'there') {
    ctx.drawImage(picture.image, s.x, s.y, s.w, s.h);
    return;
  }
  // A frame where it will be; crossed out when it cannot be had.
  ctx.fillStyle = theme.accentWash;
  ctx.fillRect(s.x, s.y, s.w, s.h);
  ctx.strokeStyle = theme.dot;
  ctx.lineWidth = 1;
  ctx.strokeRect(s.x, s.y, s.w, s.h);
  if (picture.state === 'loading') return;
  ctx.beginPath();
  ctx.moveTo(s.x, s.y);
  ctx.lineTo(s.x + s.w, s.y + s.h);
  ctx.moveTo(s.x + s.w, s.y);
  ctx.lineTo(s.x, s.y + s.h);
  ctx.stroke();
}

function paintLine(brush: Brush, s: Shape): void {
  if (!strokeWith(brush, s)) return;
  const { ctx } = brush;
  const points = outlineOf(s);
  ctx.beginPath();
  points.forEach((p, i) => (i === 0 ? ctx.moveTo(p.x, p.y) : ctx.lineTo(p.x, p.y)));
  const tip = points.at(-1);
  const before = points.at(-2);
  if (s.type === 'arrow' && tip && before) addHead(ctx, before, tip, s.strokeWidth);
  ctx.stroke();
}

/** The ends of an arrow's head; none for one without length. */
export function arrowWings(from: Point, tip: Point, strokeWidth: number): [Point, Point] | undefined {
  const way = Math.hypot(tip.x - from.x, tip.y - from.y);
  if (way === 0) return undefined;
  const length = Math.min(arrowHead(strokeWidth), way * 0.6);
  const back = { x: tip.x - ((tip.x - from.x) / way) * length, y: tip.y - ((tip.y - from.y) / way) * length };
  return [rotatePoint(back, tip, 0.5), rotatePoint(back, tip, -0.5)];
}

function addHead(ctx: CanvasRenderingContext2D, from: Point, tip: Point, strokeWidth: number): void {
  const [left, right] = arrowWings(from, tip, strokeWidth) ?? [];
  if (!left || !right) return;
  ctx.moveTo(left.x, left.y);
  ctx.lineTo(tip.x, tip.y);
  ctx.lineTo(right.x, right.y);
}

interface Freehand {
  readonly x: number;
  readonly y: number;
  readonly fine: Path2D;
  readonly coarse: Path2D;
}

/** Paths by their list of points, which moving and recolouring leave as it is. */
const paths = new WeakMap<readonly number[], Freehand>();
const COARSE_POINTS = 10;

function paintFreehand(brush: Brush, s: Shape): void {
  if (!strokeWith(brush, s)) return;
  const { ctx, scale } = brush;
  const stretch = stretchOf(s);
  let path = paths.get(s.points);
  if (!path || path.x !== stretch.x || path.y !== stretch.y) {
    const all = localPoints(s, stretch);
    const stride = Math.max(1, Math.ceil(all.length / COARSE_POINTS));
    const few = all.filter((_, i) => i % stride === 0 || i === all.length - 1);
    path = { ...stretch, fine: smoothPath(all), coarse: smoothPath(few) };
    paths.set(s.points, path);
  }
  ctx.translate(s.x, s.y);
  ctx.stroke(Math.max(s.w, s.h) * scale < PLAIN ? path.coarse : path.fine);
  ctx.translate(-s.x, -s.y);
}

function localPoints(s: Shape, stretch: { x: number; y: number }): Point[] {
  const extent = extentOf(s.points);
  const points: Point[] = [];
  for (let i = 0; i + 1 < s.points.length; i += 2) {
    points.push({
      x: ((s.points[i] ?? 0) - extent.x) * stretch.x,
      y: ((s.points[i + 1] ?? 0) - extent.y) * stretch.y,
    });
  }
  return points;
}

/** A curve through the middles between the points: round where the hand was round. */
function smoothPath(points: readonly Point[]): Path2D {
  const path = new Path2D();
  const first = points[0];
  const last = points.at(-1);
  if (!first || !last) return path;
  path.moveTo(first.x, first.y);
  for (let i = 1; i + 1 < points.length; i++) {
    const p = points[i];
    const next = points[i + 1];
    if (p && next) path.quadraticCurveTo(p.x, p.y, (p.x + next.x) / 2, (p.y + next.y) / 2);
  }
  // A line without length is not painted everywhere; a dot must be.
  path.lineTo(last.x + 0.01, last.y);
  return path;
}

export function layoutOf(s: Shape): Layout {
  if (s.type === 'text') return layoutText(s.text, Infinity, s.fontSize);
  const w = Math.max(20, s.w - 2 * PADDING);
  return s.type === 'note' ? layoutNote(s.text, w, s.h - 2 * PADDING) : layoutText(s.text, w, s.fontSize);
}

export function textColour(s: Shape, theme: Theme): string {
  if (s.type === 'note') return theme.noteText;
  const stroke = theme.paint(s.stroke) ?? theme.noteText;
  const hidden = s.fill !== NO_FILL && s.fill === s.stroke;
  return hidden ? readableOn(stroke) : stroke;
}

function paintText(brush: Brush, s: Shape): void {
  const { ctx, theme, scale } = brush;
  const nominal = s.type === 'note' ? 20 : s.fontSize;
  if (nominal * scale < VISIBLE_TEXT) return;
  ctx.fillStyle = textColour(s, theme);
  if (nominal * scale < LEGIBLE) {
    paintBars(ctx, s, nominal);
    return;
  }
  const layout = layoutOf(s);
  const line = layout.fontSize * LEADING;
  const baseline = line / 2 + baselineRise(ctx) * layout.fontSize;
  ctx.font = fontOf(layout.fontSize);
  ctx.textBaseline = 'alphabetic';
  ctx.textAlign = s.type === 'text' ? 'left' : 'center';
  const x = s.type === 'text' ? s.x : s.x + s.w / 2;
  const top = s.type === 'text' ? s.y : s.y + (s.h - heightOf(layout)) / 2;
  layout.lines.forEach((text, i) => ctx.fillText(text, x, top + line * i + baseline));
}

/** Greeked text: what lines of this length would look like from afar, without measuring a word. */
function paintBars(ctx: CanvasRenderingContext2D, s: Shape, fontSize: number): void {
  const isLabel = s.type !== 'text';
  const room = isLabel ? Math.max(10, s.w - 2 * PADDING) : s.w;
  const length = s.text.length * fontSize * 0.5;
  const lines = isLabel ? Math.min(3, Math.max(1, Math.ceil(length / room))) : s.text.split('\n').length;
  const top = isLabel ? s.y + (s.h - lines * fontSize * LEADING) / 2 : s.y;
  ctx.globalAlpha = s.opacity * 0.45;
  for (let i = 0; i < lines; i++) {
    const w = isLabel ? Math.min(room, i === lines - 1 ? length - room * i : room) : room;
    const x = isLabel ? s.x + (s.w - w) / 2 : s.x;
    ctx.fillRect(x, top + (i + 0.35) * fontSize * LEADING, w, fontSize * 0.4);
  }
}
