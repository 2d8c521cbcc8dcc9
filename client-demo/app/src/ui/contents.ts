import type { Board } from '../board';
import { boundsOf } from '../scene/geometry';
import type { Shape, ShapeType } from '../scene/shape';
import { h } from './dom';

/** Shapes that are listed at most: those in sight. */
const MOST = 100;
/** Milliseconds of rest before the list is made anew: nobody reads along with a drag. */
const REST = 400;

const NAMES: Readonly<Record<ShapeType, string>> = {
  rect: 'Rectangle',
  ellipse: 'Ellipse',
  line: 'Line',
  arrow: 'Arrow',
  note: 'Note',
  text: 'Text',
  draw: 'Drawing',
  image: 'Image',
};

/** How a shape is called when it cannot be seen. */
export function nameOf(shape: Shape): string {
  const words = shape.text.replace(/\s+/g, ' ').trim().slice(0, 80);
  return `${NAMES[shape.type]}${words === '' ? '' : ` “${words}”`}, ${Math.round(shape.x)} across, ${Math.round(shape.y)} down`;
}

/** What is in sight, as a list of buttons for readers of the screen and for the keyboard: each selects its shape. */
export function contents(board: Board): HTMLElement {
  const list = h('ul', {});
  const title = h('h2', { id: 'contents' }, 'On the board');
  const element = h('nav', { class: 'unseen contents', 'aria-labelledby': 'contents' }, title, list);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let shown = '';

  const refresh = (): void => {
    timer = undefined;
    const shapes = board.scene.within(board.camera.visible());
    const rows = shapes.slice(0, MOST).map((shape) => ({ id: shape.id, name: nameOf(shape), isPressed: board.selection.has(shape.id) }));
    const key = JSON.stringify(rows);
    if (key === shown) return;
    shown = key;
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset['shape'] : undefined;
    list.replaceChildren(...rows.map((row) => h('li', {}, entry(board, row))));
    title.textContent = shapes.length > MOST ? `On the board: the first ${MOST} of ${shapes.length} in sight` : `On the board: ${shapes.length} in sight`;
    if (focused !== undefined) list.querySelector<HTMLElement>(`[data-shape="${CSS.escape(focused)}"]`)?.focus();
  };
  const soon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(refresh, REST);
  };
  board.scene.onDamage(soon);
  board.camera.onChange(soon);
  board.selection.onChange(soon);
  soon();
  return element;
}

function entry(board: Board, { id, name, isPressed }: { id: string; name: string; isPressed: boolean }): HTMLButtonElement {
  const choose = (): void => {
    const shape = board.scene.get(id);
    if (!shape) return;
    board.setTool('select');
    board.selection.set(board.scene.mates(id));
    board.reveal(boundsOf(shape));
  };
  return h('button', { type: 'button', 'data-shape': id, 'aria-pressed': String(isPressed), onclick: choose }, name);
}
