import { h, icon } from './dom';
import { ICONS } from './icons';
import type { Toasts } from './toasts';

/** Milliseconds that the button says what it did. */
const CONFIRMED = 2000;

async function copy(text: string): Promise<boolean> {
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

/** Copies the board's address. */
export function shareButton(address: string, toasts: Toasts): HTMLElement {
  const label = h('span', { class: 'label' }, 'Share');
  const face = h('span', { class: 'face' }, icon(ICONS.share));
  const button = h('button', { type: 'button', class: 'share', 'aria-label': 'Share: copy the link', title: 'Copy the link to this board' }, face, label);
  button.addEventListener('click', () => {
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
