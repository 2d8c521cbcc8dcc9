import { h, icon } from './dom';
import { ICONS } from './icons';

/** One line of a menu. With `isOn` it is something that is on or off. */
export interface Item {
  readonly label: string;
  readonly run: () => void;
  readonly isOn?: () => boolean;
  /** Something of another kind begins here. */
  readonly isApart?: boolean;
  /** Whether it can be chosen now; always, when it does not say. */
  readonly isThere?: () => boolean;
}

/** A button and the menu that it opens, for pointer and keyboard. */
export function menu(name: string, items: readonly Item[]): HTMLElement {
  const rows = items.map((item) => ({ item, row: h('button', { type: 'button', role: item.isOn ? 'menuitemcheckbox' : 'menuitem', tabindex: '-1' }, item.label) }));
  const lines = rows.flatMap(({ item, row }) => (item.isApart ? [h('hr'), row] : [row]));
  const list = h('div', { class: 'panel menu-list', role: 'menu', 'aria-label': name, hidden: true }, ...lines);
  const button = h('button', { type: 'button', class: 'button', 'aria-label': name, title: name, 'aria-haspopup': 'menu', 'aria-expanded': 'false' }, icon(ICONS.menu));
  const element = h('div', { class: 'menu' }, button, list);
  const there = (): typeof rows => rows.filter(({ row }) => !row.hidden);

  const show = (isOpen: boolean): void => {
    list.hidden = !isOpen;
    button.setAttribute('aria-expanded', String(isOpen));
    if (!isOpen) return;
    for (const { item, row } of rows) {
      if (item.isOn) row.setAttribute('aria-checked', String(item.isOn()));
      row.hidden = item.isThere?.() === false;
    }
    there()[0]?.row.focus();
  };
  const leave = (): void => {
    show(false);
    button.focus();
  };
  button.addEventListener('click', () => show(Boolean(list.hidden)));
  button.addEventListener('keydown', (e) => {
    if (e.key !== 'ArrowDown') return;
    e.preventDefault();
    e.stopPropagation();
    show(true);
  });
  for (const { item, row } of rows) {
    row.addEventListener('click', (e) => {
      leave();
      // Chosen with the pointer, the board has the keyboard again.
      if (e.detail > 0) button.blur();
      item.run();
    });
  }
  list.addEventListener('keydown', (e) => {
    e.stopPropagation();
    if (e.key === 'Escape' || e.key === 'Tab') return leave();
    const shown = there();
    const now = shown.findIndex(({ row }) => row === document.activeElement);
    const next = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: -1 }[e.key];
    if (next === undefined) return;
    e.preventDefault();
    shown.at(next % shown.length)?.row.focus();
  });
  document.addEventListener('pointerdown', (e) => {
    if (!list.hidden && e.target instanceof Node && !element.contains(e.target)) show(false);
  });
  return element;
}
