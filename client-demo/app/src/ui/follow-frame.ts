import type { Following } from '../follow';
import { readableOn } from '../palette';
import { h } from './dom';

/** A frame around the board in the colour of whom one follows, and how to stop. */
export function followFrame(following: Following): HTMLElement {
  const name = h('span', {});
  const stop = h('button', { type: 'button', class: 'button', onclick: () => following.stop() }, 'Stop');
  const banner = h('div', { class: 'banner', role: 'status' }, name, stop);
  const frame = h('div', { class: 'follow-frame', hidden: true }, banner);
  following.onChange(() => {
    const { person } = following;
    frame.hidden = person === undefined;
    if (person === undefined) return;
    frame.style.setProperty('--person', person.color);
    frame.style.setProperty('--on-person', readableOn(person.color));
    name.textContent = `Following ${person.name}`;
    stop.setAttribute('aria-label', `Stop following ${person.name}`);
  });
  return frame;
}
