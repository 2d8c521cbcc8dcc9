/**
 * Puts a chunked snapshot together. Chunks may be compressed; decompression is asynchronous, so several may be under way, and each
 * keeps its place.
 */
import { decodeValue } from './codec/frame.js';
import { CanvasError } from './errors.js';
import type { Snapshot, WireObject } from './protocol.js';

export class SnapshotAssembly {
  private readonly parts: WireObject[][] = [];
  private received = 0;
  private decoding = 0;
  private isComplete = false;
  private isCancelled = false;

  /**
   * @param done called once with all objects, when the last chunk has been decoded
   * @param failed called once when a chunk cannot be read
   */
  constructor(
    private readonly done: (objects: WireObject[]) => void,
    private readonly failed: (error: CanvasError) => void,
  ) {}

  /** Nothing will be called any more: a new `welcome` has started over, or the session is lost. */
  cancel(): void {
    this.isCancelled = true;
  }

  add(chunk: Snapshot): void {
    if (chunk.n !== this.received || this.isComplete) return this.fail('a chunk of the snapshot is missing');
    this.received += 1;
    this.isComplete = chunk.last;
    if (chunk.deflate === undefined) {
      this.parts[chunk.n] = chunk.objects ?? [];
    } else {
      this.decoding += 1;
      inflate(chunk.deflate).then(
        (bytes) => this.decoded(chunk.n, bytes),
        () => this.fail('a chunk of the snapshot cannot be decompressed'),
      );
    }
    this.finish();
  }

  private decoded(n: number, bytes: Uint8Array): void {
    if (this.isCancelled) return;
    try {
      this.parts[n] = decodeValue(bytes) as unknown as WireObject[];
    } catch {
      return this.fail('a chunk of the snapshot cannot be read');
    }
    this.decoding -= 1;
    this.finish();
  }

  private finish(): void {
    if (!this.isComplete || this.decoding > 0 || this.isCancelled) return;
    this.cancel();
    this.done(this.parts.flat());
  }

  private fail(message: string): void {
    if (this.isCancelled) return;
    this.cancel();
    this.failed(new CanvasError('server_error', message, { retry: true }));
  }
}

async function inflate(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([bytes.slice()]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
