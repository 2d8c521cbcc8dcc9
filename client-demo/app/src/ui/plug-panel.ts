import { showDevtools } from '@collabcanvas/sdk/devtools';
import type { Canvas, Status } from '@collabcanvas/sdk';
import type { Network, Plug } from '../plug';
import { h, iconButton } from './dom';
import { ICONS } from './icons';

const CHOICES: readonly (readonly [Network, string, string])[] = [
  ['good', 'Good network', 'as it is'],
  ['slow', 'Slow network', '700 ms each way'],
  ['off', 'Unplugged', 'nothing comes through'],
];

/** What a visitor reads while the board heals. */
function word({ connection, unsent, unsaved }: Status): string {
  const kept = unsent === 0 ? 'Nothing waits here.' : `${unsent} ${unsent === 1 ? 'change waits' : 'changes wait'} here.`;
  const saved = unsaved === 0 ? 'All is saved.' : `${unsaved} not saved yet.`;
  return connection === 'online' ? `Connected. ${kept} ${saved}` : `Not connected: go on drawing. ${kept}`;
}

/** Lets a visitor pull the plug, and watch how the board heals. */
export function plugPanel(canvas: Canvas, plug: Plug): { opener: HTMLElement; panel: HTMLElement } {
  const report = h('p', { role: 'status' });
  const tell = (): void => void (report.textContent = word(canvas.status));
  canvas.on('status', tell);
  tell();
  const choices = CHOICES.map(([network, name, means]) => {
    const radio = h('input', { type: 'radio', name: 'network', value: network, checked: network === plug.state });
    radio.addEventListener('change', () => plug.set(network));
    return h('label', {}, radio, h('span', {}, name), h('small', {}, means));
  });
  let hideDevtools: (() => void) | undefined;
  const devtools = h('input', { type: 'checkbox' });
  devtools.addEventListener('change', () => {
    hideDevtools?.();
    hideDevtools = devtools.checked ? showDevtools(canvas) : undefined;
  });
  const panel = h(
    'div',
    { class: 'panel plug', role: 'dialog', 'aria-label': 'Network', hidden: true },
    h('h2', {}, 'Pull the plug'),
    h('p', {}, 'Make the network bad and go on drawing: nothing is lost, and all comes together again.'),
    h('fieldset', {}, h('legend', { class: 'unseen' }, 'Network'), ...choices),
    h('button', { type: 'button', class: 'wide', onclick: () => plug.kill() }, 'Kill the connection'),
    h('label', {}, devtools, h('span', {}, 'Show what happens')),
    report,
  );
  const opener = iconButton(ICONS.plug, 'Pull the plug', () => {
    panel.hidden = !panel.hidden;
    opener.setAttribute('aria-expanded', String(!panel.hidden));
    if (!panel.hidden) panel.querySelector<HTMLInputElement>('input:checked')?.focus();
  }, { className: 'panel' });
  opener.setAttribute('aria-expanded', 'false');
  panel.addEventListener('keydown', (e) => {
    e.stopPropagation();
    if (e.key !== 'Escape') return;
    panel.hidden = true;
    opener.focus();
  });
  return { opener, panel };
}
