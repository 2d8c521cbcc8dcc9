/**
 * Runs the simulation with the real server's rules behind it, over stdio: one JSON document per line, a question out, an answer in.
 *
 *     node test/dist/test/convergence-driver.js --from 0 --count 100
 *
 * Out: `{"seed":S,"do":"reset"}`, `{"seed":S,"do":"submit","author":…,"cid":…,"ops":[…]}` (or `"void":code` instead of `ops`),
 * `{"seed":S,"do":"state"}`, all in the protocol's JSON form. At the end of each seed, without an answer:
 * `{"seed":S,"done":true,"ok":…,"why":…,"counts":{…}}`. The exit code is 1 when a seed failed, 2 for a wrong call.
 */
import { readSync, writeSync } from 'node:fs';
import { decodeValue, encodeValue } from '../src/codec/frame.js';
import { jsonFromMsgpack, msgpackFromJson } from '../src/codec/json.js';
import { Opaque } from '../src/value.js';
import type { Answer, Oracle, ProjectState } from './fake-server.js';
import { Simulation } from './simulation.js';

/** Lines over stdin and stdout, synchronously: the simulation must stay a plain sequence of steps. */
class Lines {
  private rest = Buffer.alloc(0);

  ask(question: unknown): unknown {
    this.say(jsonFromMsgpack(encodeValue(question)));
    return decodeValue(msgpackFromJson(this.line()));
  }

  say(text: string): void {
    let bytes = Buffer.from(`${text}\n`);
    while (bytes.length > 0) bytes = bytes.subarray(patiently(() => writeSync(1, bytes)));
  }

  private line(): string {
    for (;;) {
      const end = this.rest.indexOf(10);
      if (end >= 0) {
        const line = this.rest.toString('utf8', 0, end);
        this.rest = this.rest.subarray(end + 1);
        return line;
      }
      const chunk = Buffer.alloc(65_536);
      const size = patiently(() => readSync(0, chunk, 0, chunk.length, null));
      if (size === 0) throw new Error('the other side has closed its end');
      this.rest = Buffer.concat([this.rest, chunk.subarray(0, size)]);
    }
  }
}

/** A pipe may be non-blocking: wait a millisecond and try again. */
function patiently(call: () => number): number {
  for (;;) {
    try {
      return call();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

class StdioOracle implements Oracle {
  private seed = 0;

  constructor(private readonly lines: Lines) {}

  reset(seed: number): void {
    this.seed = seed;
    this.lines.ask({ seed, do: 'reset' });
  }

  submit(author: string, cid: number, body: Uint8Array | string): Answer {
    const content = typeof body === 'string' ? { void: body } : { ops: new Opaque(body) };
    return this.lines.ask({ seed: this.seed, do: 'submit', author, cid, ...content }) as Answer;
  }

  state(): ProjectState {
    return this.lines.ask({ seed: this.seed, do: 'state' }) as ProjectState;
  }
}

/** @returns the exit code */
function main(args: readonly string[]): number {
  const option = (name: string): number => Number(args[args.indexOf(name) + 1] ?? NaN);
  const [from, count] = [option('--from'), option('--count')];
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(count)) {
    process.stderr.write('usage: convergence-driver --from <first seed> --count <number of seeds>\n');
    return 2;
  }
  const lines = new Lines();
  let failures = 0;
  for (let seed = from; seed < from + count; seed += 1) {
    const simulation = new Simulation(seed, new StdioOracle(lines));
    let why: string | undefined;
    try {
      why = simulation.run();
    } catch (error) {
      why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    }
    if (why !== undefined) failures += 1;
    lines.say(JSON.stringify({ seed, done: true, ok: why === undefined, why, counts: simulation.counts }));
  }
  return failures > 0 ? 1 : 0;
}

process.exitCode = main(process.argv.slice(2));
