import { describe, expect, it } from 'vitest';
import { PERSON_COLOURS } from '../../app/src/peers';
import { hueOf, hueOfId, idOfColour } from './colour';

describe('colours', () => {
  it('are read as hues', () => {
    expect(['#ff0000', '#00ff00', '#0000ff', '#ffff00', '#888888'].map(hueOf)).toEqual([0, 120, 240, 60, 0]);
  });

  it('come back from the id that is made for them', () => {
    for (const color of PERSON_COLOURS) {
      for (const session of [1, 77, 123_456]) {
        const apart = Math.abs(hueOfId(idOfColour(session, color)) - hueOf(color));
        expect(Math.min(apart, 360 - apart)).toBeLessThanOrEqual(10);
      }
    }
  });

  it('give different ids to different sessions', () => {
    expect(idOfColour(1, '#e0447c')).not.toBe(idOfColour(2, '#e0447c'));
  });
});
