import type { Board } from '../board';
import { mayEdit } from '../rights';
import { h } from './dom';

/** What an empty board says; a board that is not loaded yet says so instead of looking empty. */
export function hint(board: Board): HTMLElement {
  const { canvas } = board;
  const title = h('p', { class: 'title' });
  const text = h('p', {});
  const element = h('div', { class: 'hint' }, title, text);
  const show = (): void => {
    const { synced, connection } = canvas.status;
    const isEmpty = canvas.objects.size === 0;
    element.hidden = synced && !isEmpty;
    element.classList.toggle('loading', !synced);
    document.body.classList.toggle('unsynced', !synced);
    if (!synced) {
      title.textContent = connection === 'online' || connection === 'connecting' ? 'Opening the board…' : 'The board cannot be reached';
      text.textContent = connection === 'offline' ? 'Trying again by itself. Your work is safe on the server.' : '';
      return;
    }
    if (!mayEdit(canvas)) {
      title.textContent = 'An empty board';
      text.textContent = 'Nothing has been drawn here yet.';
      return;
    }
    title.textContent = 'An empty board, all yours';
    text.textContent = matchMedia('(pointer: coarse)').matches
      ? 'Pick a tool and draw with a finger. Two fingers move and zoom.'
      : 'Pick a tool and drag. Press ? for the shortcuts, or share the link to draw together.';
  };
  canvas.on('change', show);
  canvas.on('status', show);
  show();
  return element;
}
