/** Whole canvases on flaky sockets, over many seeds. */
import { expect, it } from 'vitest';
import { Flaky } from './flaky.js';
import type { Faults } from './flaky-faults.js';

const SEEDS = 2_000;

it('whatever the sockets and the token provider do: all converge, every edit is applied once, nothing waits any more', async () => {
  const total: Partial<Faults> = {};
  for (let seed = 0; seed < SEEDS; seed += 1) {
    const world = new Flaky(seed);
    expect(await world.run(), `seed ${seed}`).toBeUndefined();
    for (const [name, count] of Object.entries(world.faults) as [keyof Faults, number][]) total[name] = (total[name] ?? 0) + count;
  }
  // Faults that never occur prove nothing.
  for (const [name, count] of Object.entries(total)) expect(count, name).toBeGreaterThan(1_000);
}, 240_000);
