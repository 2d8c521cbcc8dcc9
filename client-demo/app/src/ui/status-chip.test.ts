import type { Status } from '@collabcanvas/sdk';
import { describe, expect, it } from 'vitest';
import { describeStatus } from './status-chip';

const calm: Status = { connection: 'online', synced: true, unsent: 0, unsaved: 0, mode: 'normal' };

describe('describeStatus', () => {
  it('says saved only when online, synced and nothing is unsaved', () => {
    expect(describeStatus(calm)).toMatchObject({ tone: 'good', label: 'Saved' });
    const others: Partial<Status>[] = [{ connection: 'offline' }, { connection: 'connecting' }, { connection: 'closed' }, { synced: false }, { unsaved: 1 }];
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

  it('owns up to slow saving', () => {
    expect(describeStatus({ ...calm, unsaved: 2, mode: 'degraded' }).label).toBe('Saving slowly…');
  });
});
