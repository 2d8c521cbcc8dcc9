import { describe, expect, it } from 'vitest';
import { describeBarrier } from './wall';

describe('describeBarrier', () => {
  it('says what is the matter and whom to ask', () => {
    expect(describeBarrier('forbidden', false, 0)).toEqual({
      title: 'You have no access to this board',
      text: 'Ask its owner to share it with you, and open the link that they give you.',
    });
    for (const barrier of ['unknown', 'ended'] as const) expect(describeBarrier(barrier, false, 0).text).toMatch(/Ask its owner/);
  });

  it('does not send anybody to an owner of what is gone', () => {
    const { title, text } = describeBarrier('deleted', true, 3);
    expect(title).toBe('This board was deleted');
    expect(text).not.toMatch(/ask|not sent/i);
  });

  it('owns up to what was not sent', () => {
    const { title, text } = describeBarrier('forbidden', true, 1);
    expect(title).toMatch(/any more/);
    expect(text).toMatch(/1 change was not sent yet/);
    expect(describeBarrier('ended', true, 3).text).toMatch(/3 changes were not sent yet/);
    expect(describeBarrier('ended', true, 0).text).not.toMatch(/sent/);
  });
});
