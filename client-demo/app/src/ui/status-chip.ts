import type { Canvas, Status } from '@collabcanvas/sdk';
import { h } from './dom';

/** `slow`: nothing is wrong, but it is not as it should be. */
export type Tone = 'busy' | 'good' | 'slow' | 'bad';

export interface StatusText {
  readonly tone: Tone;
  readonly label: string;
  /** What it means for one's work; the tooltip. */
  readonly detail: string;
  /** What a click does about it. */
  readonly action?: 'retry' | 'reload';
}

const changes = (n: number): string => (n === 1 ? '1 change' : `${n} changes`);

/** Somebody may have gone for a coffee: how long the oldest of it has waited, in plain words. */
function waited(since: number | undefined, now: number): string {
  const minutes = Math.floor((now - (since ?? now)) / 60_000);
  if (minutes < 1) return '';
  return minutes === 1 ? ' The oldest has waited for a minute.' : ` The oldest has waited for ${minutes} minutes.`;
}

/** What the chip says. Nothing here is guessed: each sentence follows from the SDK's status. */
export function describeStatus(status: Status, now = Date.now()): StatusText {
  const { connection, synced, unsaved, unsent } = status;
  if (connection === 'closed') {
    return { tone: 'bad', label: 'Disconnected', detail: status.error?.message ?? 'Reload the page to go on.', action: 'reload' };
  }
  if (connection === 'offline') {
    const kept = unsent > 0 ? `${changes(unsent)} kept on this page and sent when the connection is back.` : 'You can go on drawing.';
    return { tone: 'bad', label: unsent > 0 ? `Offline · ${unsent} unsent` : 'Offline', detail: `No connection. ${kept} Click to try now.`, action: 'retry' };
  }
  if (connection === 'connecting') {
    return { tone: 'busy', label: synced ? 'Reconnecting…' : 'Connecting…', detail: 'Waiting for the server.' };
  }
  if (!synced) return { tone: 'busy', label: 'Loading…', detail: 'Reading the board.' };
  if (unsaved > 0) return describeUnsaved(status, now);
  if (status.mode === 'degraded') {
    return { tone: 'slow', label: 'Saved · slow', detail: `Everything is saved. ${SLOW}` };
  }
  return { tone: 'good', label: 'Saved', detail: 'Everything is saved.' };
}

const SLOW = 'A part of the server is away: saving takes longer, and you may not see other people’s cursors.';

/** Online, with work that is not saved: what holds it up, the worst first. */
function describeUnsaved({ unsent, unsaved, unsavedSince, mode, stalled, heldBack }: Status, now: number): StatusText {
  const since = waited(unsavedSince, now);
  if (unsent > 0 && heldBack === 'unavailable') {
    const detail = `The server takes no changes right now. ${changes(unsent)} kept on this page and sent as soon as it does: leave it open.${since}`;
    return { tone: 'bad', label: `Waiting · ${unsent} unsent`, detail };
  }
  if (stalled) {
    const detail = `Everybody sees your changes, but the server cannot store ${changes(unsaved)} for good right now. Leave this page open until it says “Saved”.${since}`;
    return { tone: 'bad', label: `Not saved yet · ${unsaved}`, detail };
  }
  if (mode === 'degraded') return { tone: 'busy', label: 'Saving slowly…', detail: `${changes(unsaved)} not saved yet. ${SLOW}${since}` };
  return { tone: 'busy', label: 'Saving…', detail: `${changes(unsaved)} not saved yet.${since}` };
}

/** Milliseconds a sentence must hold before it is read out: nobody wants to hear each save. */
const STEADY = 1200;

/** The chip that says how one's work is doing. */
export function statusChip(canvas: Canvas): HTMLElement {
  const label = h('span', { class: 'label' });
  const chip = h('button', { type: 'button', class: 'status' }, h('span', { class: 'dot' }), label);
  const spoken = h('span', { class: 'unseen', role: 'status', 'aria-live': 'polite' });
  let timer: ReturnType<typeof setTimeout> | undefined;
  let action: StatusText['action'];
  const show = (): void => {
    const text = describeStatus(canvas.status);
    action = text.action;
    chip.disabled = action === undefined;
    chip.dataset['tone'] = text.tone;
    chip.title = text.detail;
    chip.setAttribute('aria-label', `${text.label}. ${text.detail}`);
    if (label.textContent === text.label) return;
    label.textContent = text.label;
    clearTimeout(timer);
    timer = setTimeout(() => (spoken.textContent = text.label), STEADY);
  };
  chip.addEventListener('click', () => {
    if (action === 'retry') canvas.reconnect();
    if (action === 'reload') location.reload();
  });
  canvas.on('status', show);
  show();
  return h('div', { class: 'status-holder' }, chip, spoken);
}
