/** Many people at a board: SDK clients of their own, without a page. */
import { connect, type Canvas } from '@collabcanvas/sdk';
import WebSocket from 'ws';

/** Milliseconds between two places of a hand. */
const STEP_MS = 16;
const COLOURS = ['#e0447c', '#d5622b', '#b07d00', '#3c9a4e', '#0e958b', '#2f7bdb', '#6a5be0', '#b04bc9'];

export class Crowd {
  private timer: ReturnType<typeof setInterval> | undefined;

  private constructor(private readonly people: readonly Canvas[]) {}

  static async join(url: string, project: string, count: number): Promise<Crowd> {
    const address = `${url.replace('http', 'ws')}/v1/projects/${project}/ws`;
    const people = Array.from({ length: count }, (_, i) =>
      connect({
        url: address,
        WebSocket: WebSocket as unknown as typeof globalThis.WebSocket,
        presence: { name: `Person ${i + 1}`, color: COLOURS[i % COLOURS.length] ?? '' },
      }),
    );
    const isThere = (canvas: Canvas): boolean => canvas.status.connection === 'online' && canvas.status.synced;
    await Promise.all(
      people.map((canvas) => new Promise<void>((done) => void (isThere(canvas) ? done() : canvas.on('status', () => isThere(canvas) && done())))),
    );
    return new Crowd(people);
  }

  /** Everybody moves a hand in circles, until they leave. */
  move(): void {
    this.timer = setInterval(() => {
      const angle = Date.now() / 700;
      for (const [i, canvas] of this.people.entries()) {
        const [column, row] = [i % 10, Math.floor(i / 10)];
        canvas.presence.set({ cursor: [column * 120 - 540 + 40 * Math.cos(angle + i), row * 130 - 260 + 40 * Math.sin(angle + i)] });
      }
    }, STEP_MS);
  }

  async leave(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all(this.people.map((canvas) => canvas.close()));
  }
}
