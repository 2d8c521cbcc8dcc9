import { describe, expect, it } from 'vitest';
import { IDLE } from './fixtures';
import { editedIds, isGesture } from './gesture';

describe('a gesture', () => {
  it('is there while the pointer is down or something is being typed', () => {
    expect(isGesture(IDLE)).toBe(false);
    expect(isGesture({ ...IDLE, cursorButton: 'down' })).toBe(true);
    expect(isGesture({ ...IDLE, editingTextElement: { id: 't' } })).toBe(true);
  });

  it('holds on to what is drawn, typed into, or dragged with the selection', () => {
    const state = { ...IDLE, newElement: { id: 'n' }, editingLinearElement: { elementId: 'l' }, croppingElementId: 'c', selectedElementIds: { s: true } };
    expect([...editedIds(state)]).toEqual(['n', 'l', 'c']);
    expect([...editedIds({ ...state, cursorButton: 'down', isResizing: true })]).toEqual(['n', 'l', 'c', 's']);
  });
});
