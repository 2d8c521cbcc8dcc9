import { NO_FILL, type Theme } from '../palette';
import { centerOf, type Point, type Rect } from '../scene/geometry';
import { extentOf, outlineOf, stretchOf } from '../scene/outline';
import { isLinear, type Shape } from '../scene/shape';
import { arrowWings, layoutOf, textColour } from '../render/shapes';
import { FONT_FAMILY, heightOf, LEADING } from '../render/text';

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Text as it may stand in an attribute or an element. Characters that XML does not know are left out. */
export const escaped = (text: string): string =>
  text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udfff](?![\udc00-\udfff])(?<![\ud800-\udbff][\udc00-\udfff])/g, '').replace(/[&<>"]/g, (c) => ESCAPES[c] ?? c);

const n = (value: number): string => String(Math.round(value * 100) / 100);

type Attributes = Readonly<Record<string, string | number | undefined>>;

function element(name: string, attributes: Attributes, content = ''): string {
  const list = Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [` ${key}="${typeof value === 'number' ? n(value) : escaped(value)}"`],
  );
  return content === '' ? `<${name}${list.join('')}/>` : `<${name}${list.join('')}>${content}</${name}>`;
}

/** A picture of shapes, back to front, that any viewer shows; `area` in canvas units. */
export function svgOf(shapes: readonly Shape[], area: Rect, theme: Theme, withPaper: boolean): string {
  const { x, y, w, h } = area;
  const paper = withPaper ? element('rect', { x, y, width: w, height: h, fill: theme.paper }) : '';
  const content = shapes.map((shape) => pictureOf(shape, theme)).join('\n');
  const attributes = { xmlns: 'http://www.w3.org/2000/svg', viewBox: [x, y, w, h].map(n).join(' '), width: w, height: h, 'font-family': FONT_FAMILY, 'font-weight': 500 };
  return element('svg', attributes, `\n${paper}\n${content}\n`);
}

function pictureOf(s: Shape, theme: Theme): string {
  const c = centerOf(s);
  const turn = s.rotation === 0 || isLinear(s.type) ? undefined : `rotate(${n((s.rotation * 180) / Math.PI)} ${n(c.x)} ${n(c.y)})`;
  const parts = [bodyOf(s, theme), s.text === '' || s.points.length > 0 ? '' : wordsOf(s, theme)].join('');
  return element('g', { opacity: s.opacity === 1 ? undefined : s.opacity, transform: turn }, parts);
}

function strokeOf(s: Shape, theme: Theme): Attributes {
  const stroke = s.strokeWidth > 0 ? theme.paint(s.stroke) : undefined;
  return stroke === undefined ? {} : { stroke, 'stroke-width': s.strokeWidth, 'stroke-linecap': 'round', 'stroke-linejoin': 'round' };
}

function bodyOf(s: Shape, theme: Theme): string {
  const fill = s.fill === NO_FILL ? 'none' : (theme.paint(s.fill) ?? 'none');
  switch (s.type) {
    case 'rect':
      return element('rect', { x: s.x, y: s.y, width: s.w, height: s.h, rx: Math.min(10, s.w / 4, s.h / 4), fill, ...strokeOf(s, theme) });
    case 'ellipse':
      return element('ellipse', { cx: s.x + s.w / 2, cy: s.y + s.h / 2, rx: s.w / 2, ry: s.h / 2, fill, ...strokeOf(s, theme) });
    case 'note':
      return element('rect', { x: s.x, y: s.y, width: s.w, height: s.h, rx: 5, fill: theme.paint(s.fill) ?? theme.paper });
    case 'draw':
      return element('path', { d: smooth(localPoints(s)), fill: 'none', ...strokeOf(s, theme) });
    case 'line':
    case 'arrow':
      return element('path', { d: lineOf(s), fill: 'none', ...strokeOf(s, theme) });
    case 'image':
      return element('image', { x: s.x, y: s.y, width: s.w, height: s.h, href: s.url, preserveAspectRatio: 'none' });
    case 'text':
      return '';
  }
}

const at = ({ x, y }: Point): string => `${n(x)} ${n(y)}`;

function lineOf(s: Shape): string {
  const points = outlineOf(s);
  const [from, tip] = points.slice(-2);
  const way = `M${points.map(at).join('L')}`;
  if (s.type !== 'arrow' || !from || !tip) return way;
  const wings = arrowWings(from, tip, s.strokeWidth);
  return wings ? `${way}M${at(wings[0])}L${at(tip)}L${at(wings[1])}` : way;
}

function localPoints(s: Shape): Point[] {
  const [extent, stretch] = [extentOf(s.points), stretchOf(s)];
  const points: Point[] = [];
  for (let i = 0; i + 1 < s.points.length; i += 2) {
    points.push({ x: s.x + ((s.points[i] ?? 0) - extent.x) * stretch.x, y: s.y + ((s.points[i + 1] ?? 0) - extent.y) * stretch.y });
  }
  return points;
}

/** A curve through the middles between the points, as on the screen. */
function smooth(points: readonly Point[]): string {
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last) return '';
  const curves = points.slice(1, -1).map((p, i) => {
    const next = points[i + 2] ?? last;
    return `Q${at(p)} ${n((p.x + next.x) / 2)} ${n((p.y + next.y) / 2)}`;
  });
  return `M${at(first)}${curves.join('')}L${at(last)}`;
}

function wordsOf(s: Shape, theme: Theme): string {
  const layout = layoutOf(s);
  const line = layout.fontSize * LEADING;
  const isText = s.type === 'text';
  const x = isText ? s.x : s.x + s.w / 2;
  const top = isText ? s.y : s.y + (s.h - heightOf(layout)) / 2;
  const attributes = { fill: textColour(s, theme), 'font-size': layout.fontSize, 'text-anchor': isText ? 'start' : 'middle', 'dominant-baseline': 'central' };
  const lines = layout.lines.map((text, i) => element('tspan', { x, y: top + line * (i + 0.5) }, escaped(text) || ' '));
  return element('text', { ...attributes, 'xml:space': 'preserve' }, lines.join(''));
}

