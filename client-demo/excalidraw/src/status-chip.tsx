import { useProject, useSyncStatus } from '@collabcanvas/sdk/react';
import type { ReactNode } from 'react';
import { describeStatus } from './demo';

/** How one's work is doing, in the words of the whiteboard. */
export function StatusChip({ isNarrow }: { isNarrow: boolean }): ReactNode {
  const canvas = useProject();
  const { tone, label, detail, action } = describeStatus(useSyncStatus());
  const act = (): void => {
    if (action === 'retry') canvas.reconnect();
    if (action === 'reload') location.reload();
  };
  return (
    <button type="button" className="sync-status" data-tone={tone} data-narrow={isNarrow} title={detail} aria-label={`${label}. ${detail}`} disabled={action === undefined} onClick={act}>
      <span className="dot" />
      <span className="label">{label}</span>
    </button>
  );
}
