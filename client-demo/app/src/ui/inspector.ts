import type { Board } from '../board';
import {
  deleteSelected,
  duplicateSelected,
  groupable,
  groupSelected,
  moveInDepth,
  restyle,
  selectedShapes,
  styleOfSelection,
  type Depth,
  type Restyle,
} from '../commands';
import { COLOURS, inkVariable, type FillStyle } from '../palette';
import { STROKE_WIDTHS } from '../pen';
import { randomId } from '../random';
import { mayEdit, onRole } from '../rights';
import type { ShapeType } from '../scene/shape';
import { h, icon, iconButton, oncePerFrame } from './dom';
import { ICONS } from './icons';

const FILLS: readonly { name: string; value: FillStyle }[] = [
  { name: 'No fill', value: 'none' },
  { name: 'Light fill', value: 'soft' },
  { name: 'Solid fill', value: 'solid' },
];

const DEPTHS: readonly { depth: Depth; label: string; keys: string }[] = [
  { depth: 'front', label: 'Bring to front', keys: 'Shift ]' },
  { depth: 'forward', label: 'Bring forward', keys: ']' },
  { depth: 'backward', label: 'Send backward', keys: '[' },
  { depth: 'back', label: 'Send to back', keys: 'Shift [' },
];

/** Which kinds of shape a part of the panel is about. */
const HAS_FILL: readonly string[] = ['rect', 'ellipse'];
const HAS_STROKE: readonly string[] = ['rect', 'ellipse', 'line', 'arrow', 'draw'];

/** A choice of one among several: the buttons and how to show which is chosen. */
class Choice<T> {
  readonly element: HTMLElement;
  private readonly buttons: readonly { value: T; button: HTMLButtonElement }[];

  constructor(label: string, className: string, options: readonly { value: T; button: HTMLButtonElement }[]) {
    this.buttons = options;
    this.element = h('div', { class: className, role: 'group', 'aria-label': label }, ...options.map(({ button }) => button));
  }

  show(chosen: T): void {
    for (const { value, button } of this.buttons) button.setAttribute('aria-pressed', String(value === chosen));
  }
}

/**
 * How things look (colour, fill, width, opacity) and what one can do with the selection. On a narrow screen the looks
 * fold away behind a swatch and the actions stay.
 */
export class Inspector {
  readonly element: HTMLElement;
  private readonly swatch = h('button', { type: 'button', class: 'button swatch-button', 'aria-label': 'Colour and style', 'aria-expanded': 'false' }, h('span', { class: 'swatch' }));
  private readonly colours: Choice<unknown>;
  private readonly fills: Choice<FillStyle>;
  private readonly widths: Choice<number>;
  private readonly opacity: HTMLInputElement;
  private readonly looks: HTMLElement;
  private readonly actions: HTMLElement;
  private readonly group = this.groupButton('Group', 'Ctrl G', () => randomId());
  private readonly ungroup = this.groupButton('Ungroup', 'Ctrl Shift G', () => null);
  private readonly grouping = h('div', { class: 'grouping', role: 'group', 'aria-label': 'Group' }, this.group, this.ungroup);

  constructor(private readonly board: Board) {
    this.colours = this.colourChoice();
    this.fills = this.fillChoice();
    this.widths = this.widthChoice();
    this.opacity = h('input', {
      type: 'range',
      min: '0.1',
      max: '1',
      step: '0.1',
      onchange: () => this.apply({ opacity: Number(this.opacity.value) }),
    });
    const opacity = h('label', { class: 'opacity' }, 'Opacity', this.opacity);
    this.looks = h('div', { class: 'looks' }, this.colours.element, this.fills.element, this.widths.element, opacity);
    this.actions = this.actionRow();
    this.element = h('section', { class: 'panel inspector', 'aria-label': 'Style' }, this.looks, this.actions, this.grouping);
    this.swatch.addEventListener('click', () => this.fold(this.element.classList.contains('open')));
    const show = oncePerFrame(() => this.show());
    board.onTool(show);
    board.pen.onChange(show);
    board.selection.onChange(show);
    board.canvas.on('change', show);
    onRole(board.canvas, show);
    board.surface.addEventListener('pointerdown', () => this.fold(true));
    this.show();
  }

  /** The button that unfolds the looks on a narrow screen. */
  get opener(): HTMLElement {
    return this.swatch;
  }

  private fold(folded: boolean): void {
    this.element.classList.toggle('open', !folded);
    this.swatch.setAttribute('aria-expanded', String(!folded));
  }

  private apply(change: Restyle): void {
    restyle(this.board, change);
  }

  private show(): void {
    const { pen, selection, toolName } = this.board;
    const style = styleOfSelection(this.board) ?? pen.current;
    const kinds: readonly (ShapeType | string)[] =
      selection.size > 0 ? selectedShapes(this.board).map(({ type }) => type) : [toolName];
    const concerns = (list: readonly string[]): boolean => kinds.some((kind) => list.includes(kind));
    this.colours.show(style.colour);
    this.fills.show(style.fill);
    this.widths.show(style.strokeWidth);
    this.opacity.value = String(style.opacity);
    this.fills.element.hidden = !concerns(HAS_FILL);
    this.widths.element.hidden = !concerns(HAS_STROKE);
    this.swatch.style.setProperty('--swatch', `var(${inkVariable(style.colour)})`);
    this.actions.hidden = selection.size === 0;
    const { canGroup, canUngroup } = groupable(this.board);
    this.group.hidden = !canGroup;
    this.ungroup.hidden = !canUngroup;
    this.grouping.hidden = !canGroup && !canUngroup;
    // Who may only look has nothing to style.
    this.element.hidden = this.swatch.hidden = !mayEdit(this.board.canvas);
    this.element.classList.toggle('idle', selection.size === 0 && (toolName === 'select' || toolName === 'hand'));
    this.element.classList.toggle('selecting', selection.size > 0);
  }

  private colourChoice(): Choice<unknown> {
    const options = COLOURS.map((colour) => {
      const swatch = h('span', { class: 'swatch' });
      swatch.style.setProperty('--swatch', `var(${inkVariable(colour)})`);
      const press = (): void => this.apply({ colour });
      return { value: colour, button: h('button', { type: 'button', class: 'button', title: colour.name, 'aria-label': colour.name, onclick: press }, swatch) };
    });
    return new Choice<unknown>('Colour', 'colours', options);
  }

  private fillChoice(): Choice<FillStyle> {
    const options = FILLS.map(({ name, value }) => {
      const button = h('button', { type: 'button', class: 'button', title: name, 'aria-label': name, onclick: () => this.apply({ fill: value }) });
      button.append(h('span', { class: `fill-sample ${value}` }));
      return { value, button };
    });
    return new Choice('Fill', 'segments', options);
  }

  private widthChoice(): Choice<number> {
    const options = STROKE_WIDTHS.map(({ name, value }) => {
      const line = h('span', { class: 'width-sample' });
      line.style.height = `${value}px`;
      const press = (): void => this.apply({ strokeWidth: value });
      return { value, button: h('button', { type: 'button', class: 'button', title: name, 'aria-label': `${name} line`, onclick: press }, line) };
    });
    return new Choice<number>('Line width', 'segments', options);
  }

  private groupButton(name: 'Group' | 'Ungroup', keys: string, group: () => string | null): HTMLButtonElement {
    const press = (): void => groupSelected(this.board, group());
    const drawing = icon(name === 'Group' ? ICONS.group : ICONS.ungroup);
    return h('button', { type: 'button', class: 'button', title: `${name} — ${keys}`, onclick: press }, drawing, h('span', {}, name));
  }

  private actionRow(): HTMLElement {
    const { board } = this;
    const depths = DEPTHS.map(({ depth, label, keys }) => iconButton(ICONS[depth], label, () => moveInDepth(board, depth), { keys }));
    return h(
      'div',
      { class: 'actions', role: 'group', 'aria-label': 'Selection' },
      ...depths,
      iconButton(ICONS.duplicate, 'Duplicate', () => duplicateSelected(board), { keys: 'Ctrl D' }),
      iconButton(ICONS.trash, 'Delete', () => deleteSelected(board), { keys: 'Del', className: 'danger' }),
    );
  }
}
