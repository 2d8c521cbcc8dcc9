import { describe, expect, it } from 'vitest';
import { snapToGrid, snapToOthers } from './snap';

const box = { x: 0, y: 0, w: 100, h: 60 };

describe('snapping', () => {
  it('pulls an edge or a middle into line, the nearest one, and shows with what', () => {
    const other = { x: 205, y: 300, w: 50, h: 50 };
    expect(snapToOthers(box, { x: 203, y: 0 }, [other], 6)).toEqual({ dx: 205, dy: 0, guides: [{ from: { x: 205, y: 0 }, to: { x: 205, y: 350 } }] });
    // The right edge on the left one, and the middle in line with the middle.
    const both = snapToOthers(box, { x: 103, y: 297 }, [other], 6);
    expect([both.dx, both.dy, both.guides.length]).toEqual([105, 295, 2]);
  });

  it('leaves alone what is near nothing', () => {
    expect(snapToOthers(box, { x: 30, y: 40 }, [{ x: 500, y: 500, w: 9, h: 9 }], 6)).toEqual({ dx: 30, dy: 40, guides: [] });
    expect(snapToOthers(box, { x: 30, y: 40 }, [], 6)).toEqual({ dx: 30, dy: 40, guides: [] });
  });

  it('finds the grid', () => {
    expect(snapToGrid({ ...box, x: 3 }, { x: 9, y: 14 }, 20)).toEqual({ dx: 17, dy: 20, guides: [] });
  });
});
