/**
 * Puts a chunked snapshot together. Chunks may be compressed; decompression is asynchronous, so several may be under way, and each
 * keeps its place.
 */
import { decodeValue } from './codec/frame.js';
import { serverError, type CanvasError } from './errors.js';
import type { Snapshot, WireObject } from './protocol.js';

export class SnapshotAssembly {
  readonly #parts: WireObject[][] = [];
  #received = 0;
  #decoding = 0;
  #isComplete = false;
  #isCancelled = false;
  readonly #done: (objects: WireObject[]) => void;
  readonly #failed: (error: CanvasError) => void;

  /**
   * @param done called once with all objects, when the last chunk has been decoded
   * @param failed called once when a chunk cannot be read
   */
  constructor(done: (objects: WireObject[]) => void, failed: (error: CanvasError) => void) {
    this.#done = done;
    this.#failed = failed;
  }

  /** Nothing will be called any more: a new `welcome` has started over, or the session is lost. */
  cancel(): void {
    this.#isCancelled = true;
  }

  add(chunk: Snapshot): void {
    if (chunk.n !== this.#received || this.#isComplete) return this.#fail('the snapshot has a gap');
    this.#received += 1;
    this.#isComplete = chunk.last;
    if (chunk.deflate === undefined) {
      this.#parts[chunk.n] = chunk.objects ?? [];
    } else {
      this.#decoding += 1;
      inflate(chunk.deflate).then(decodeValue).then(
        (objects) => this.#decoded(chunk.n, objects as unknown as WireObject[]),
        () => this.#fail('the snapshot cannot be read'),
      );
    }
    this.#finish();
  }

  #decoded(n: number, objects: WireObject[]): void {
    this.#parts[n] = objects;
    this.#decoding -= 1;
    this.#finish();
  }

  #finish(): void {
    if (!this.#isComplete || this.#decoding > 0 || this.#isCancelled) return;
    this.cancel();
    this.#done(this.#parts.flat());
  }

  #fail(message: string): void {
    if (this.#isCancelled) return;
    this.cancel();
    this.#failed(serverError(message));
  }
}

async function inflate(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([bytes.slice()]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
