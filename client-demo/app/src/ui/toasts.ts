import { CanvasError, type Canvas, type Rejected } from '@collabcanvas/sdk';
import { h, icon } from './dom';
import { ICONS } from './icons';

export type ToastTone = 'plain' | 'bad';

/** Milliseconds: long enough to read twice. */
const SHOWN = 6000;
const MOST = 3;

/** Short messages above the tools. The same message twice shows once. */
export class Toasts {
  readonly element = h('div', { class: 'toasts', role: 'status', 'aria-live': 'polite' });

  show(text: string, tone: ToastTone = 'plain', lasts = SHOWN): void {
    const same = [...this.element.children].find((toast) => toast.textContent === text);
    same?.remove();
    const close = h('button', { type: 'button', class: 'button', 'aria-label': 'Close message', onclick: () => toast.remove() }, icon(ICONS.close));
    const toast: HTMLElement = h('div', { class: `toast ${tone}` }, h('span', {}, text), close);
    this.element.append(toast);
    while (this.element.children.length > MOST) this.element.firstElementChild?.remove();
    if (lasts !== Infinity) setTimeout(() => toast.remove(), lasts);
  }
}

const REFUSALS: Readonly<Record<string, string>> = {
  forbidden: 'You may look at this board but not change it. Ask its owner for the right to edit.',
  too_many_objects: 'This board is full. Delete something before adding more.',
  project_too_large: 'This board is full. Delete something before adding more.',
  object_too_large: 'That was too large to save. Split it into smaller pieces.',
  closed: 'There is no connection any more. Reload the page to go on.',
  batch_too_large: 'That was too much at once. Select fewer shapes and try again.',
};

const CLOSES: Readonly<Record<string, string>> = {
  replaced: 'This board was opened again with the same session. Go on in the other tab, or reload this one.',
  forbidden: 'You have no access to this board. Ask its owner to share it with you.',
  bad_project: 'The address does not name a board. Check the link, or start a new board.',
  unsupported_version: 'The board has been updated. Reload the page to go on.',
};

/** Says what was refused, and what to do about it. */
export function reportTroubles(canvas: Canvas, toasts: Toasts): void {
  const refused = ({ code, message }: Rejected | CanvasError): void => {
    toasts.show(REFUSALS[code] ?? `A change was refused and taken back (${message}). Please try it again.`, 'bad');
  };
  canvas.on('rejected', refused);
  // What the SDK refuses by itself is thrown at the tool or button that tried it.
  addEventListener('error', (e) => {
    if (!(e.error instanceof CanvasError)) return;
    e.preventDefault();
    refused(e.error);
  });
  canvas.on('error', (error: CanvasError) => {
    if (canvas.status.connection !== 'closed') return;
    toasts.show(CLOSES[error.code] ?? `The connection was closed (${error.message}). Reload the page to go on.`, 'bad', Infinity);
  });
}
