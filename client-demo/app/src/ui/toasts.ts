import { CanvasError, type Canvas, type Loss, type Rejected } from '@collabcanvas/sdk';
import { lossAsJson } from '@collabcanvas/sdk/json';
import { isOfGate } from '../gate';
import { h, icon } from './dom';
import { ICONS } from './icons';

export type ToastTone = 'plain' | 'bad';

/** Milliseconds: long enough to read twice. */
const SHOWN = 6000;
const MOST = 3;

/** What a message offers to do, once. */
export interface Offer {
  readonly label: string;
  readonly run: () => void;
}

/** Short messages above the tools. The same message twice shows once. */
export class Toasts {
  readonly element = h('div', { class: 'toasts', role: 'status', 'aria-live': 'polite' });

  show(text: string, tone: ToastTone = 'plain', lasts = SHOWN, offers: readonly Offer[] = []): void {
    const same = [...this.element.children].find((toast) => toast.firstElementChild?.textContent === text);
    same?.remove();
    const close = h('button', { type: 'button', class: 'button', 'aria-label': 'Close message', onclick: () => toast.remove() }, icon(ICONS.close));
    const buttons = offers.map(({ label, run }) => {
      const press = (): void => {
        run();
        button.disabled = true;
      };
      const button = h('button', { type: 'button', class: 'offer', onclick: press }, label);
      return button;
    });
    const toast: HTMLElement = h('div', { class: `toast ${tone}` }, h('span', {}, text), ...buttons, close);
    this.element.append(toast);
    // What stays until it is closed is not pushed out by what passes.
    if (lasts === Infinity) toast.dataset['stays'] = '';
    while (this.element.children.length > MOST) (this.element.querySelector('.toast:not([data-stays])') ?? this.element.firstElementChild)?.remove();
    if (lasts !== Infinity) setTimeout(() => toast.remove(), lasts);
  }
}

const REFUSALS: Readonly<Record<string, string>> = {
  forbidden: 'You may look at this board but not change it. Ask its owner for the right to edit.',
  too_many_objects: 'This board is full. Delete something before adding more.',
  project_too_large: 'This board is full. Delete something before adding more.',
  object_too_large: 'That was too large to save. Split it into smaller pieces.',
  leased: 'Somebody else is writing there. Wait until they have finished.',
  closed: 'There is no connection any more. Reload the page to go on.',
  batch_too_large: 'That was too much at once. Select fewer shapes and try again.',
};

const CLOSES: Readonly<Record<string, string>> = {
  replaced: 'This board was opened again with the same session. Go on in the other tab, or reload this one.',
  bad_project: 'The address does not name a board. Check the link, or start a new board.',
  unsupported_version: 'The board has been updated. Reload the page to go on.',
};

/** Says what was refused, and what to do about it. */
export function reportTroubles(canvas: Canvas, toasts: Toasts): void {
  const refused = ({ code, message }: Rejected | CanvasError): void => {
    toasts.show(REFUSALS[code] ?? `A change was refused and taken back (${message}). Please try it again.`, 'bad');
  };
  canvas.on('rejected', refused);
  canvas.on('loss', (loss) => reportLoss(canvas, loss, toasts));
  // What the SDK refuses by itself is thrown at the tool or button that tried it.
  addEventListener('error', (e) => {
    if (!(e.error instanceof CanvasError)) return;
    e.preventDefault();
    refused(e.error);
  });
  canvas.on('error', (error: CanvasError) => {
    if (canvas.status.connection !== 'closed' || isOfGate(error)) return;
    toasts.show(CLOSES[error.code] ?? `The connection was closed (${error.message}). Reload the page to go on.`, 'bad', Infinity);
  });
}

const count = (n: number): string => (n === 1 ? '1 of your changes' : `${n} of your changes`);

/** What a loss means, in plain words. */
export function describeLoss({ code, batches, forgotten }: Loss): string {
  const saved = batches.filter(({ was }) => was === 'saved').length + forgotten;
  const resent = batches.filter(({ isResent }) => isResent).length;
  const again = resent === 0 ? '' : ` ${count(resent)} that it had not saved yet ${resent === 1 ? 'is' : 'are'} sent again.`;
  if (saved > 0) return `The server has lost ${count(saved)} that it had saved: its data was replaced by an older copy.${again}`;
  if (code === 'history_lost') return `The server’s data was replaced by an older copy.${again}`;
  if (batches.every(({ was }) => was === 'unsent')) return `${count(batches.length)} did not reach the server.`;
  return `It is not certain that ${count(batches.length)} ${batches.length === 1 ? 'was' : 'were'} saved. Look whether all is there.`;
}

/** Nothing is hidden: the loss is told, and the user can keep a copy of it, or make the changes again. */
function reportLoss(canvas: Canvas, loss: Loss, toasts: Toasts): void {
  const keep: Offer = { label: 'Keep a copy', run: () => download(`lost-changes-${loss.at}.json`, lossAsJson(loss)) };
  const known = loss.batches.filter(({ was }) => was === 'saved').length;
  const redo: Offer = { label: known === 1 ? 'Make it again' : 'Make them again', run: () => void canvas.putBack(loss) };
  toasts.show(describeLoss(loss), 'bad', Infinity, known > 0 ? [redo, keep] : [keep]);
}

function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  h('a', { href: url, download: name }).click();
  URL.revokeObjectURL(url);
}
