/**
 * The colours one can draw with. Objects keep the light scheme's hex value, which any client can show;
 * on a dark screen the known values are swapped for their dark twins while painting.
 */

interface Shade {
  /** Lines, text and solid fills. */
  readonly ink: string;
  /** A light wash behind lines. */
  readonly soft: string;
  /** Sticky notes. */
  readonly note: string;
}

export interface Colour {
  readonly name: string;
  readonly light: Shade;
  readonly dark: Shade;
}

const colour = (name: string, light: [string, string, string], dark: [string, string, string]): Colour => ({
  name,
  light: { ink: light[0], soft: light[1], note: light[2] },
  dark: { ink: dark[0], soft: dark[1], note: dark[2] },
});

export const INK = colour('Black', ['#22262b', '#e8eaed', '#eceef0'], ['#e7e9ec', '#34383f', '#484d55']);
export const YELLOW = colour('Yellow', ['#dba100', '#fff2c2', '#ffe585'], ['#f2c744', '#463a14', '#786219']);

export const COLOURS: readonly Colour[] = [
  INK,
  colour('Grey', ['#8a929b', '#eef0f2', '#dde1e5'], ['#9aa2ac', '#2d3137', '#3d4249']),
  colour('Red', ['#df4040', '#fde3e0', '#ffc8c2'], ['#ff8078', '#472523', '#813d39']),
  colour('Orange', ['#e5750f', '#ffe7d0', '#ffd2a2'], ['#ff9f4a', '#472f18', '#80511f']),
  YELLOW,
  colour('Green', ['#2d9c55', '#dbf2e0', '#b4e6bf'], ['#56c67d', '#1d3a27', '#2b6440']),
  colour('Teal', ['#0e9797', '#d4f0ef', '#a4e1df'], ['#3cc4c2', '#173939', '#1f6362']),
  colour('Blue', ['#2e6de0', '#dce8fd', '#b7d2ff'], ['#74a5ff', '#1f3052', '#315695']),
  colour('Violet', ['#784dde', '#e8e0fc', '#d2c4fa'], ['#ab8cff', '#312755', '#57449b']),
  colour('Pink', ['#d53f9d', '#fbe0ef', '#f8c1df'], ['#f580c5', '#43223a', '#83396b']),
];

/** The CSS variable that holds a colour's ink in the present scheme. */
export const inkVariable = ({ name }: Colour): string => `--ink-${name.toLowerCase()}`;

export const NO_FILL = 'none';

export type FillStyle = 'none' | 'soft' | 'solid';

export function colourOf(value: string): Colour | undefined {
  return COLOURS.find(({ light }) => light.ink === value || light.soft === value || light.note === value);
}

export function fillStyleOf(fill: string): FillStyle {
  if (fill === NO_FILL) return 'none';
  return COLOURS.some(({ light }) => light.soft === fill) ? 'soft' : 'solid';
}

export function fillFor(style: FillStyle, { light }: Colour): string {
  if (style === 'none') return NO_FILL;
  return style === 'soft' ? light.soft : light.ink;
}

/** What the renderer needs of the colour scheme. */
export interface Theme {
  readonly dark: boolean;
  readonly paper: string;
  readonly dot: string;
  readonly accent: string;
  readonly accentWash: string;
  readonly handle: string;
  /** Text on sticky notes. */
  readonly noteText: string;
  readonly shadow: string;
  /** A colour of an object as this scheme shows it; `undefined` draws nothing. */
  paint(value: string): string | undefined;
}

const darkTwin = new Map<string, string>(
  COLOURS.flatMap(({ light, dark }) => [
    [light.ink, dark.ink],
    [light.soft, dark.soft],
    [light.note, dark.note],
  ]),
);

/** Foreign clients may store any text; asking the browser once per value keeps that off the drawing path. */
const known = new Map<string, boolean>();
const MAX_KNOWN = 2000;

function isColour(value: string): boolean {
  const cached = known.get(value);
  if (cached !== undefined) return cached;
  if (known.size >= MAX_KNOWN) known.clear();
  const valid = CSS.supports('color', value);
  known.set(value, valid);
  return valid;
}

const paintLight = (value: string): string | undefined => (value !== NO_FILL && isColour(value) ? value : undefined);

export const LIGHT: Theme = {
  dark: false,
  paper: '#fbfbfa',
  dot: '#d9dad8',
  accent: '#4f5bd5',
  accentWash: 'rgba(79, 91, 213, 0.08)',
  handle: '#ffffff',
  noteText: '#2b2a24',
  shadow: 'rgba(40, 40, 50, 0.028)',
  paint: paintLight,
};

export const DARK: Theme = {
  dark: true,
  paper: '#17181b',
  dot: '#34373d',
  accent: '#8f98ff',
  accentWash: 'rgba(143, 152, 255, 0.12)',
  handle: '#1f2125',
  noteText: '#f5f4ef',
  shadow: 'rgba(0, 0, 0, 0.09)',
  paint: (value) => darkTwin.get(value) ?? paintLight(value),
};

/** Black or white, whichever reads better on the hex colour. */
export function readableOn(hex: string): string {
  const digits = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(hex);
  if (!digits) return INK.light.ink;
  const [red = 0, green = 0, blue = 0] = digits.slice(1).map((d) => parseInt(d, 16));
  return red * 0.299 + green * 0.587 + blue * 0.114 > 150 ? INK.light.ink : '#ffffff';
}
