import type { Status } from '@collabcanvas/sdk';
import { describe, expect, it } from 'vitest';
import { describeStatus } from './status-chip';

const calm: Status = { connection: 'online', synced: true, unsent: 0, unsaved: 0, stalled: false, mode: 'normal' };

describe('describeStatus', () => {
  it('says saved only when online, synced and nothing is unsaved', () => {
    expect(describeStatus(calm)).toMatchObject({ tone: 'good', label: 'Saved' });
    const others: Partial<Status>[] = [
      { connection: 'offline' }, { connection: 'connecting' }, { connection: 'closed' }, { synced: false }, { unsaved: 1 }, { mode: 'degraded' },
      { unsaved: 1, stalled: true }, { unsaved: 1, unsent: 1, heldBack: 'unavailable' },
    ];
    for (const other of others) expect(describeStatus({ ...calm, ...other }).tone).not.toBe('good');
  });

  it('counts what waits while offline, and offers to try again', () => {
    expect(describeStatus({ ...calm, connection: 'offline', unsent: 3, unsaved: 3 })).toMatchObject({
      label: 'Offline · 3 unsent',
      action: 'retry',
    });
  });

  it('offers to reload when there will be no further attempt', () => {
    expect(describeStatus({ ...calm, connection: 'closed' }).action).toBe('reload');
  });

  it('owns up to slow saving, and says that cursors may be missing', () => {
    expect(describeStatus({ ...calm, unsaved: 2, mode: 'degraded' })).toMatchObject({ tone: 'busy', label: 'Saving slowly…' });
    const rest = describeStatus({ ...calm, mode: 'degraded' });
    expect(rest).toMatchObject({ tone: 'slow', label: 'Saved · slow' });
    expect(rest.detail).toMatch(/Everything is saved.*cursors/);
  });

  it('says when the store stands still: others see it, but the page is still needed', () => {
    const text = describeStatus({ ...calm, unsaved: 3, stalled: true, unsavedSince: 0, mode: 'degraded' }, 125_000);
    expect(text).toMatchObject({ tone: 'bad', label: 'Not saved yet · 3' });
    expect(text.detail).toMatch(/Everybody sees your changes.*3 changes.*Leave this page open.*2 minutes/);
  });

  it('says when the server takes nothing, and that it is kept', () => {
    const text = describeStatus({ ...calm, unsaved: 2, unsent: 1, stalled: true, heldBack: 'unavailable' });
    expect(text).toMatchObject({ tone: 'bad', label: 'Waiting · 1 unsent' });
    expect(text.detail).toMatch(/1 change kept on this page/);
    // Too much at once is over in a moment, and no reason to worry anybody.
    for (const heldBack of ['overloaded', 'rate_limited'] as const) {
      expect(describeStatus({ ...calm, unsaved: 1, unsent: 1, heldBack })).toMatchObject({ tone: 'busy', label: 'Saving…' });
    }
  });

  it('says nothing of a wait below a minute', () => {
    expect(describeStatus({ ...calm, unsaved: 1, unsavedSince: 0 }, 59_999).detail).toBe('1 change not saved yet.');
    expect(describeStatus({ ...calm, unsaved: 1, unsavedSince: 0 }, 60_000).detail).toBe('1 change not saved yet. The oldest has waited for a minute.');
  });
});
