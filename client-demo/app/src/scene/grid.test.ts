import { describe, expect, it } from 'vitest';
import { overlaps, type Rect } from './geometry';
import { Grid } from './grid';

const search = (grid: Grid, rect: Rect): string[] => {
  const found: string[] = [];
  grid.search(rect, (id) => found.push(id));
  return found.sort();
};

/** A small generator, so that a failure happens again. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

describe('Grid', () => {
  it('reports a shape over many cells once', () => {
    const grid = new Grid();
    grid.set('wide', { x: -700, y: -700, w: 1800, h: 1800 });
    expect(search(grid, { x: -600, y: -600, w: 1500, h: 1500 })).toEqual(['wide']);
  });

  it('finds shapes too large for cells, from anywhere on them', () => {
    const grid = new Grid();
    grid.set('huge', { x: -1e6, y: -1e6, w: 2e6, h: 2e6 });
    grid.set('small', { x: 0, y: 0, w: 10, h: 10 });
    expect(search(grid, { x: 900_000, y: 5, w: 1, h: 1 })).toEqual(['huge']);
    expect(search(grid, { x: 5, y: 5, w: 1, h: 1 })).toEqual(['huge', 'small']);
    grid.delete('huge');
    expect(search(grid, { x: 5, y: 5, w: 1, h: 1 })).toEqual(['small']);
  });

  it('follows a shape that moves and forgets one that goes', () => {
    const grid = new Grid();
    grid.set('a', { x: 0, y: 0, w: 10, h: 10 });
    grid.set('a', { x: 5000, y: 0, w: 10, h: 10 });
    expect(search(grid, { x: 0, y: 0, w: 20, h: 20 })).toEqual([]);
    expect(search(grid, { x: 5001, y: 1, w: 1, h: 1 })).toEqual(['a']);
    grid.delete('a');
    expect(grid.size).toBe(0);
    expect(search(grid, { x: 5001, y: 1, w: 1, h: 1 })).toEqual([]);
  });

  it('finds what a look at every shape finds', () => {
    const random = seeded(7);
    const grid = new Grid();
    const all = new Map<string, Rect>();
    for (let i = 0; i < 2000; i++) {
      const rect = { x: (random() - 0.5) * 20_000, y: (random() - 0.5) * 20_000, w: random() * 900, h: random() * 900 };
      const id = `s${i % 1500}`;
      all.set(id, rect);
      grid.set(id, rect);
      if (random() < 0.1) {
        all.delete(id);
        grid.delete(id);
      }
    }
    for (let i = 0; i < 100; i++) {
      const rect = { x: (random() - 0.5) * 20_000, y: (random() - 0.5) * 20_000, w: random() * 5000, h: random() * 5000 };
      const expected = [...all].filter(([, r]) => overlaps(r, rect)).map(([id]) => id);
      expect(search(grid, rect)).toEqual(expected.sort());
    }
  });
});
