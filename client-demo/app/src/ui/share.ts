import type { Canvas } from '@collabcanvas/sdk';
import { onRole } from '../rights';
import { h, icon } from './dom';
import { ICONS } from './icons';
import type { Toasts } from './toasts';

/** Milliseconds that the button says what it did. */
const CONFIRMED = 2000;

/** Puts a text on the clipboard. @returns whether that worked */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without https there is no clipboard API; the older way still works from a click.
    const field = h('textarea', { class: 'unseen' });
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand('copy');
    field.remove();
    return done;
  }
}

/** What an owner gets instead of the mere address. */
export interface Sharer {
  readonly isThere: boolean;
  toggle(): void;
}

/** Copies the board's address; to who gives rights on it, opens the place for that. */
export function shareButton(canvas: Canvas, address: string, toasts: Toasts, sharer: () => Sharer): HTMLElement {
  const label = h('span', { class: 'label' }, 'Share');
  const face = h('span', { class: 'face' }, icon(ICONS.share));
  const button = h('button', { type: 'button', class: 'share' }, face, label);
  const show = (isOwner: boolean): void => {
    button.title = isOwner ? 'Links for others' : 'Copy the link to this board';
    button.setAttribute('aria-label', isOwner ? 'Share: links for others' : 'Share: copy the link');
    button.setAttribute('aria-haspopup', isOwner ? 'dialog' : 'false');
  };
  onRole(canvas, () => show(sharer().isThere));
  show(false);
  button.addEventListener('click', () => {
    if (sharer().isThere) return sharer().toggle();
    void copy(address).then((done) => {
      if (!done) {
        toasts.show(`Copy this link to share the board: ${address}`);
        return;
      }
      toasts.show('Link copied. Whoever opens it draws here with you.');
      label.textContent = 'Copied';
      face.replaceChildren(icon(ICONS.check));
      setTimeout(() => {
        label.textContent = 'Share';
        face.replaceChildren(icon(ICONS.share));
      }, CONFIRMED);
    });
  });
  return button;
}
