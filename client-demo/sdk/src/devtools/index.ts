/** Entry `@collabcanvas/sdk/devtools`: an overlay that shows what a canvas does: watermarks, latencies, operations, who is there, what went wrong. */
import type { Canvas } from '../canvas.js';
import { percentile, Record } from './record.js';
import { STYLE } from './style.js';

export { percentile, Record } from './record.js';
export type { Event, Latencies } from './record.js';

/** How often the overlay shows what is new. */
const REFRESH_MS = 200;

/**
 * Shows the overlay, in a corner of the page.
 * @param parent where to put it; by default, the page's body
 * @returns takes it away
 */
export function showDevtools(canvas: Canvas<object>, parent: HTMLElement = document.body): () => void {
  const host = document.createElement('div');
  const root = host.attachShadow({ mode: 'open' });
  const style = document.createElement('style');
  style.textContent = STYLE;
  const panel = element('section', 'panel');
  panel.setAttribute('aria-label', 'CollabCanvas devtools');
  root.append(style, panel);
  let isDue = true;
  const record = new Record(canvas, () => (isDue = true));
  const end = canvas.on('presence', () => (isDue = true));
  const refresh = (): void => {
    if (!isDue) return;
    isDue = false;
    panel.replaceChildren(state(canvas), times(record), roster(canvas), events(record));
  };
  const timer = setInterval(refresh, REFRESH_MS);
  refresh();
  parent.append(host);
  return () => {
    clearInterval(timer);
    end();
    record.stop();
    host.remove();
  };
}

function state(canvas: Canvas<object>): HTMLElement {
  const { connection, mode, unsent, unsaved, synced } = canvas.status;
  return table('State', [
    ['connection', mode === 'degraded' ? `${connection}, degraded` : connection],
    ['session', `${canvas.session ?? '–'} (${canvas.role ?? '–'})`],
    ['position', synced ? `${canvas.position?.epoch ?? 0}.${canvas.position?.seq ?? 0}` : 'not synced'],
    ['objects', String(canvas.objects.size)],
    ['not accepted', String(unsent)],
    ['not saved', String(unsaved)],
  ]);
}

function times({ latencies }: Record): HTMLElement {
  const show = (list: readonly number[]): string => {
    const [half, most] = [percentile(list, 50), percentile(list, 95)];
    return half === undefined ? '–' : `${half} ms, 95 % within ${most} ms`;
  };
  return table('Latency', [
    ['accepted', show(latencies.accepted)],
    ['saved', show(latencies.saved)],
  ]);
}

function roster(canvas: Canvas<object>): HTMLElement {
  const rows = [...canvas.presence.others.values()].map(({ session, presence, attendance }): [string, string] => {
    const { name } = presence;
    return [typeof name === 'string' ? name : `session ${session}`, attendance];
  });
  return table(`Others (${rows.length})`, rows.slice(0, 20));
}

function events(record: Record): HTMLElement {
  const rows = record.events.slice(0, 50).map(({ at, kind, text }): [string, string, string] => [new Date(at).toISOString().slice(11, 23), text, kind]);
  return table('Events', rows);
}

function table(title: string, rows: readonly (readonly [string, string, string?])[]): HTMLElement {
  const head = element('h2', '', title);
  const body = element('dl', '');
  for (const [name, value, kind] of rows) body.append(element('dt', '', name), element('dd', kind ?? '', value));
  const part = element('div', 'part');
  part.append(head, body);
  return part;
}

function element(tag: string, className: string, text = ''): HTMLElement {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}
