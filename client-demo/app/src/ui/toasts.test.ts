import type { Loss, LostBatch } from '@collabcanvas/sdk';
import { describe, expect, it } from 'vitest';
import { describeLoss } from './toasts';

const batch = (was: LostBatch['was'], isResent = false): LostBatch => ({ was, isResent, ops: [], objects: [], madeAt: 0 });
const loss = (code: string, batches: LostBatch[], forgotten = 0): Loss => ({ code, message: '', at: 0, batches, forgotten });

describe('describeLoss', () => {
  it('says what is lost and what comes back by itself', () => {
    expect(describeLoss(loss('history_lost', [batch('saved'), batch('saved'), batch('accepted', true)], 3))).toBe(
      'The server has lost 5 of your changes that it had saved: its data was replaced by an older copy. 1 of your changes that it had not saved yet is sent again.',
    );
    expect(describeLoss(loss('history_lost', [batch('accepted', true), batch('accepted', true)]))).toMatch(/older copy. 2 of your changes .* are sent again/);
  });

  it('does not claim to know what it does not', () => {
    expect(describeLoss(loss('replaced', [batch('unsent'), batch('unsent')]))).toBe('2 of your changes did not reach the server.');
    expect(describeLoss(loss('malformed', [batch('accepted')]))).toBe('It is not certain that 1 of your changes was saved. Look whether all is there.');
  });
});
