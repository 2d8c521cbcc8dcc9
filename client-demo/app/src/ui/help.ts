import type { Shortcut } from '../keyboard';
import { h, icon } from './dom';
import { ICONS } from './icons';

const isMac = /Mac|iPhone|iPad/.test(navigator.platform);
const keyName = (key: string): string => (isMac ? key.replace('Ctrl', '⌘').replace('Alt', '⌥').replace('Shift', '⇧') : key);

function row({ keys, label }: Shortcut): HTMLElement {
  const caps = keys.split(' ').map((key) => h('kbd', {}, keyName(key)));
  return h('div', { class: 'row' }, h('span', {}, label), h('span', { class: 'keys' }, ...caps));
}

/** The list of shortcuts, made from the table that the keyboard itself uses. */
export class Help {
  readonly element: HTMLDialogElement;

  constructor(shortcuts: readonly Shortcut[]) {
    const groups = [...new Set(shortcuts.map(({ group }) => group))].map((group) =>
      h('section', {}, h('h3', {}, group), ...shortcuts.filter((s) => s.group === group).map(row)),
    );
    const close = h('button', { type: 'button', class: 'button', 'aria-label': 'Close', onclick: () => this.element.close() }, icon(ICONS.close));
    const heading = h('header', {}, h('h2', { id: 'help-title' }, 'Shortcuts'), close);
    this.element = h('dialog', { class: 'help', 'aria-labelledby': 'help-title', tabindex: '-1' }, heading, h('div', { class: 'groups' }, ...groups));
    this.element.addEventListener('click', (e) => {
      if (e.target === this.element) this.element.close();
    });
  }

  toggle(): void {
    if (this.element.open) {
      this.element.close();
      return;
    }
    this.element.showModal();
    this.element.focus();
  }
}
