/** Measures and breaks text as the canvas will paint it. */

export const FONT_FAMILY =
  '"Inter", -apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", Arial, sans-serif';

/** Line height in font sizes. */
export const LEADING = 1.3;

/** A note takes the largest of these at which its text fits. */
const NOTE_SIZES = [24, 20, 17, 14, 12, 10];
const SMALLEST_NOTE_SIZE = 8;

export interface Layout {
  readonly lines: readonly string[];
  readonly fontSize: number;
  /** Width of the longest line. */
  readonly width: number;
}

export const fontOf = (size: number): string => `500 ${size}px ${FONT_FAMILY}`;
export const heightOf = (layout: Layout): number => layout.lines.length * layout.fontSize * LEADING;

/** Layouts are asked for again at every repaint; the oldest are forgotten first. */
const cache = new Map<string, Layout>();
const MAX_CACHED = 4000;
let ruler: CanvasRenderingContext2D | undefined;

function measurer(fontSize: number): (text: string) => number {
  ruler ??= document.createElement('canvas').getContext('2d') ?? undefined;
  const ctx = ruler;
  if (!ctx) return (text) => text.length * fontSize * 0.55;
  ctx.font = fontOf(fontSize);
  return (text) => ctx.measureText(text).width;
}

let rise: number | undefined;

/** How far the baseline lies below the middle of a line, in font sizes: where a browser puts it in a text field. */
export function baselineRise(ctx: CanvasRenderingContext2D): number {
  if (rise === undefined) {
    ctx.font = fontOf(100);
    const { fontBoundingBoxAscent, fontBoundingBoxDescent } = ctx.measureText('x');
    rise = (fontBoundingBoxAscent - fontBoundingBoxDescent) / 200;
  }
  return rise;
}

/** Text broken at `\n` and, with a finite width, between words; a word that is too long is broken inside. */
export function layoutText(text: string, width: number, fontSize: number): Layout {
  const key = `${fontSize}|${Math.round(width)}|${text}`;
  const known = cache.get(key);
  if (known) return known;
  const measure = measurer(fontSize);
  const lines = text.split('\n').flatMap((line) => (width === Infinity ? [line] : breakLine(line, width, measure)));
  const layout = { lines, fontSize, width: Math.max(0, ...lines.map(measure)) };
  if (cache.size >= MAX_CACHED) for (const oldest of [...cache.keys()].slice(0, MAX_CACHED / 4)) cache.delete(oldest);
  cache.set(key, layout);
  return layout;
}

function breakLine(line: string, width: number, measure: (text: string) => number): string[] {
  const lines: string[] = [];
  let current = '';
  for (const word of line.split(/(?<=\s)/)) {
    if (measure((current + word).trimEnd()) <= width) {
      current += word;
      continue;
    }
    if (current !== '') lines.push(current.trimEnd());
    current = word;
    while (measure(current.trimEnd()) > width && current.length > 1) {
      const fitting = longestPrefix(current, width, measure);
      lines.push(current.slice(0, fitting));
      current = current.slice(fitting);
    }
  }
  lines.push(current.trimEnd());
  return lines;
}

/** How many UTF-16 units of the word fit, at least one character and never half a surrogate pair. */
function longestPrefix(word: string, width: number, measure: (text: string) => number): number {
  let length = 0;
  for (const character of word) {
    if (length > 0 && measure(word.slice(0, length + character.length)) > width) break;
    length += character.length;
  }
  return length;
}

/** The text of a note at the largest size at which it fits with no word broken; the smallest one may run over. */
export function layoutNote(text: string, w: number, h: number): Layout {
  const words = text.split(/\s+/);
  const fits = (size: number): boolean =>
    Math.max(...words.map(measurer(size))) <= w && heightOf(layoutText(text, w, size)) <= h;
  return layoutText(text, w, NOTE_SIZES.find(fits) ?? SMALLEST_NOTE_SIZE);
}
