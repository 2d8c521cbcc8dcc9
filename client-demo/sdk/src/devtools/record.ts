/** What happened on a canvas lately: for the overlay, and for whoever wants to see it elsewhere. Listens only. */
import type { Canvas } from '../canvas.js';

/** One thing that happened. */
export interface Event {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** `edit`: made here · `heard`: came from the server · `connection`: its state changed · `trouble`: an error, a refusal, a loss */
  readonly kind: 'edit' | 'heard' | 'connection' | 'trouble';
  /** For people. */
  readonly text: string;
}

/** Times of the latest batches, in milliseconds, ascending. */
export interface Latencies {
  /** From the edit to the server's answer. */
  readonly accepted: readonly number[];
  /** From the edit to the durable store. */
  readonly saved: readonly number[];
}

const EVENTS = 200;
const TIMES = 200;

/** Listens to a canvas, and remembers the latest of what it hears. */
export class Record {
  readonly #list: Event[] = [];
  readonly #accepted: number[] = [];
  readonly #saved: number[] = [];
  readonly #unlisten: (() => void)[] = [];
  #connection = '';
  readonly #changed: () => void;

  /** @param changed hears that there is something new */
  constructor(canvas: Canvas<object>, changed: () => void) {
    this.#changed = changed;
    this.#unlisten.push(
      canvas.on('batch', ({ ops, receipt }) => {
        const at = Date.now();
        const kinds = new Set(ops.map(({ op }) => op));
        this.#note('edit', `${[...kinds].join(', ')} of ${ops.length === 1 ? (ops[0]?.id ?? '') : `${ops.length} objects`}`);
        this.#time(receipt.accepted, at, this.#accepted);
        this.#time(receipt.saved, at, this.#saved);
      }),
      canvas.on('change', ({ ids, source }) => {
        if (source === 'reset') this.#note('heard', 'the whole state');
        else if (source === 'remote' && ids !== 'all') this.#note('heard', ids.size === 1 ? `change of ${[...ids].join('')}` : `changes of ${ids.size} objects`);
      }),
      canvas.on('status', (status) => {
        const connection = status.mode === 'degraded' ? `${status.connection}, degraded` : status.connection;
        if (connection === this.#connection) return;
        this.#connection = connection;
        this.#note('connection', connection);
      }),
      canvas.on('error', (error) => this.#note('trouble', `${error.code}: ${error.message}`)),
      canvas.on('rejected', ({ code, message }) => this.#note('trouble', `refused: ${code}: ${message}`)),
      canvas.on('loss', ({ code, batches }) => this.#note('trouble', `lost: ${code}, ${batches.length} batches`)),
    );
  }

  /** The latest first. */
  get events(): readonly Event[] {
    return this.#list;
  }

  /** How long the latest batches took. */
  get latencies(): Latencies {
    const ascending = (times: readonly number[]): number[] => [...times].sort((a, b) => a - b);
    return { accepted: ascending(this.#accepted), saved: ascending(this.#saved) };
  }

  /** Listens no longer. */
  stop(): void {
    for (const end of this.#unlisten) end();
  }

  #time(moment: Promise<void>, from: number, times: number[]): void {
    moment.then(
      () => {
        times.push(Date.now() - from);
        if (times.length > TIMES) times.shift();
        this.#changed();
      },
      () => undefined, // told as trouble
    );
  }

  #note(kind: Event['kind'], text: string): void {
    this.#list.unshift({ at: Date.now(), kind, text });
    this.#list.length = Math.min(this.#list.length, EVENTS);
    this.#changed();
  }
}

/** The value that so many per cent do not exceed; undefined of nothing. */
export function percentile(ascending: readonly number[], percent: number): number | undefined {
  return ascending[Math.min(ascending.length - 1, Math.ceil((ascending.length * percent) / 100) - 1)];
}
