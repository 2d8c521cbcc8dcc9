import type { Board } from '../board';
import { mayEdit } from '../rights';
import { h, iconButton } from './dom';
import { ICONS } from './icons';

/** Undo and redo, for those who may edit. */
export function historyControls(board: Board): HTMLElement {
  const { canvas } = board;
  const undo = iconButton(ICONS.undo, 'Undo', () => canvas.undo(), { keys: 'Ctrl Z' });
  const redo = iconButton(ICONS.redo, 'Redo', () => canvas.redo(), { keys: 'Ctrl Shift Z' });
  const show = (): void => {
    undo.disabled = !canvas.canUndo;
    redo.disabled = !canvas.canRedo;
    element.hidden = !mayEdit(canvas);
  };
  const element = h('div', { class: 'panel history', role: 'group', 'aria-label': 'History' }, undo, redo);
  canvas.on('change', show);
  canvas.on('status', show);
  show();
  return element;
}

/** Zoom out, the present zoom, zoom in, and the whole board. */
export function zoomControls(board: Board): HTMLElement {
  const { camera } = board;
  const step = (direction: 1 | -1): void => board.flyTo(camera.zoomed(camera.step(direction)));
  const percent = h('button', {
    type: 'button',
    class: 'button percent',
    title: 'Back to 100 % — 0',
    onclick: () => board.flyTo(camera.zoomed(1)),
  });
  const show = (): void => {
    const text = `${Math.round(camera.zoom * 100)}%`;
    if (percent.textContent === text) return;
    percent.textContent = text;
    percent.setAttribute('aria-label', `Zoom ${text}, back to 100%`);
  };
  camera.onChange(show);
  show();
  return h(
    'div',
    { class: 'panel zoom', role: 'group', 'aria-label': 'Zoom' },
    iconButton(ICONS.minus, 'Zoom out', () => step(-1), { keys: '−' }),
    percent,
    iconButton(ICONS.plus, 'Zoom in', () => step(1), { keys: '+' }),
    iconButton(ICONS.fit, 'Show everything', () => board.fitAll(), { keys: 'Shift 1' }),
  );
}
