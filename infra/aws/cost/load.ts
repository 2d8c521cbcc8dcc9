/** What people do and what that takes: measured where it has been measured, assumed where not. Each figure says which. */

export interface Figure {
  readonly value: number;
  readonly means: string;
  readonly source: string;
}

const ASSUMED = 'assumed';

export const LOAD = {
  hours: { value: 168, means: 'hours a month in which people are there', source: `${ASSUMED}: 8 hours on 21 days` },
  together: { value: 10, means: 'people in a project at once', source: 'loadtest/scenarios/users.toml' },
  ops: { value: 0.5, means: 'changes a second of one person', source: `${ASSUMED}: a tenth of what the load test does` },
  cursors: { value: 20, means: 'cursors that a person hears of in a second', source: `${ASSUMED}: one or two of the others move` },
  deliveryBytes: { value: 47, means: 'bytes that a change takes to one other person', source: 'loadtest/RESULTS.md, hot room' },
  cursorBytes: { value: 43, means: 'bytes of a cursor', source: 'loadtest/RESULTS.md, a crowd: 752 in 32 kB' },
  autosave: { value: 0.4, means: 'seconds from a change to its save', source: 'README.md, COLLAB_AUTOSAVE_MS' },
  savedBytes: { value: 60, means: 'bytes of a saved change', source: 'src/ARCHITECTURE.md, "Entries are kept for a day"' },
  objects: { value: 500, means: 'objects of a project', source: ASSUMED },
  objectBytes: { value: 250, means: 'bytes of an object', source: 'README.md, "What is in it"' },
  projects: { value: 1, means: 'projects that are kept, by person', source: ASSUMED },
  states: { value: 54, means: 'states that are kept of a project at most', source: 'src/ARCHITECTURE.md, "History": 24 of an hour, 30 of a day' },
  eventBytes: { value: 200, means: 'bytes of a change between a node and Redis', source: ASSUMED },
  logs: { value: 1, means: 'GB of logs of a node in a month', source: ASSUMED },
  series: { value: 250, means: 'series of a node in Prometheus', source: 'the metrics in src/metrics, with their labels' },
} as const satisfies Record<string, Figure>;

/** The value of a figure. */
export function of(name: keyof typeof LOAD): number {
  return LOAD[name].value;
}
