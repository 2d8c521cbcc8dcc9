/** What a project, as one client sees it, tells. */
import type { CanvasError } from './errors.js';
import type { Loss } from './loss.js';
import type { Rejected } from './rejected.js';

export interface SyncEvents {
  /** Objects look different now. */
  changed(ids: ReadonlySet<string> | 'all', source: 'local' | 'remote' | 'reset'): void;
  rejected(rejected: Rejected): void;
  /** The promise was broken, or can no longer be kept. */
  lost(loss: Loss): void;
  /** A snapshot has been applied, perhaps long after its last message: it may have been decompressed in the background. */
  installed(): void;
  /** The server said something that cannot be. */
  violated(error: CanvasError): void;
}
