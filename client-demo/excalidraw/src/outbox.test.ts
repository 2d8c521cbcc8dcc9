import { describe, expect, it } from 'vitest';
import { parts, type Edit } from './outbox';

const edit = (size: number): Edit => ({ id: 'r', size, make: () => undefined });
const counts = (edits: readonly Edit[]): number[] => parts(edits).map((part) => part.length);

describe('batches', () => {
  it('hold what the server takes at once', () => {
    expect(counts([])).toEqual([]);
    expect(counts(Array.from({ length: 900 }, () => edit(10)))).toEqual([400, 400, 100]);
    expect(counts([edit(100_000), edit(50_000), edit(10_000), edit(200_000), edit(1)])).toEqual([1, 2, 1, 1]);
  });
});
