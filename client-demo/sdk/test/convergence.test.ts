/** The simulation with the stand-in server; `convergence-driver.ts` runs the same against the real one. */
import { describe, expect, it } from 'vitest';
import { FakeServer } from './fake-server.js';
import type { Mistake } from './sim-mistake.js';
import type { Counts } from './counts.js';
import { Simulation } from './simulation.js';

/** A bad day costs the whole minute of the test's patience; as a rule it is a third of that. */
const SEEDS = 2_000;

/** @returns the first seed that fails, and why */
function firstFailure(seeds: number, mistake: Mistake): string | undefined {
  for (let seed = 0; seed < seeds; seed += 1) {
    try {
      const why = new Simulation(seed, new FakeServer(), mistake).run();
      if (why !== undefined) return `seed ${seed}: ${why}`;
    } catch (error) {
      return `seed ${seed}: ${String(error)}`;
    }
  }
  return undefined;
}

describe('convergence', () => {
  it('all replicas equal the server and every application is told the truth, whatever happens on the way', () => {
    const total: Partial<Counts> = {};
    for (let seed = 0; seed < SEEDS; seed += 1) {
      const simulation = new Simulation(seed, new FakeServer());
      expect(simulation.run(), `seed ${seed}`).toBeUndefined();
      for (const [name, count] of Object.entries(simulation.counts) as [keyof Counts, number][]) total[name] = (total[name] ?? 0) + count;
    }
    // Faults that never occur prove nothing.
    for (const [name, count] of Object.entries(total)) expect(count, name).toBeGreaterThan(20);
  }, 240_000);

  it.each<[Mistake, RegExp]>([
    ['resend', /pending batches|does not have it/],
    ['void', /reported as refused and then took effect/],
    ['forget', /./],
    ['exact', /other bytes|other ops/],
    ['hasty', /./],
    ['credulous', /loss of .* was told, but not all of them are lost/],
  ])('an SDK without "%s" is found out', (mistake, why) => {
    expect(firstFailure(SEEDS, mistake)).toMatch(why);
  }, 120_000);
});
