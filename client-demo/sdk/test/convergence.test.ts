/** The simulation with the stand-in server; `convergence-driver.ts` runs the same against the real one. */
import { describe, expect, it } from 'vitest';
import { FakeServer } from './fake-server.js';
import { Simulation, type Counts } from './simulation.js';

describe('convergence', () => {
  it('all replicas equal the server, whatever happens on the way', () => {
    const total: Partial<Counts> = {};
    for (let seed = 0; seed < 150; seed += 1) {
      const simulation = new Simulation(seed, new FakeServer());
      expect(simulation.run(), `seed ${seed}`).toBeUndefined();
      for (const [name, count] of Object.entries(simulation.counts) as [keyof Counts, number][]) total[name] = (total[name] ?? 0) + count;
    }
    // Faults that never occur prove nothing.
    for (const [name, count] of Object.entries(total)) expect(count, name).toBeGreaterThan(20);
  }, 60_000);
});
