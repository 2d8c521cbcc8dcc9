/** How good the network is that the board has. */
export type Network = 'good' | 'slow' | 'off';

/** Milliseconds that each frame takes on a slow network, each way. */
const SLOW = 700;

/**
 * A plug between the board and its server that a visitor can pull: for the whole board, whatever sockets it opens. Frames stay in order, as on every
 * connection.
 */
export class Plug {
  private network: Network = 'good';
  private readonly sockets = new Set<PluggedSocket>();

  /** @param wire what the connections really go through */
  constructor(private readonly wire: typeof WebSocket) {}

  get state(): Network {
    return this.network;
  }

  set(network: Network): void {
    this.network = network;
    if (network === 'off') this.kill();
  }

  /** Cuts every socket without a word, as a dead router does. */
  kill(): void {
    for (const socket of [...this.sockets]) socket.cut();
  }

  /** A `WebSocket` for the SDK, whose connections go through this plug. */
  get WebSocket(): typeof WebSocket {
    const { sockets, wire } = this;
    const delay = (): number => (this.network === 'slow' ? SLOW : 0);
    const isOff = (): boolean => this.network === 'off';
    return class extends PluggedSocket {
      constructor(url: string, protocols?: string | string[]) {
        super(wire, url, protocols, delay, isOff, (socket) => sockets.delete(socket));
        sockets.add(this);
      }
    } as unknown as typeof WebSocket;
  }
}

/** What of a `WebSocket` the SDK uses, over one that frames reach late or not at all. */
class PluggedSocket {
  static readonly OPEN = WebSocket.OPEN;
  onopen: (() => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onerror: (() => void) | null = null;
  private readonly inner: WebSocket | undefined;
  private isOver = false;
  private waiting = 0;
  /** When the last frame of each direction is through. */
  private readonly until = { up: 0, down: 0 };

  constructor(
    wire: typeof WebSocket,
    url: string,
    protocols: string | string[] | undefined,
    private readonly delay: () => number,
    isOff: () => boolean,
    private readonly ended: (socket: PluggedSocket) => void,
  ) {
    if (isOff()) {
      setTimeout(() => this.end(1006, ''));
      return;
    }
    const inner = new wire(url, protocols);
    this.inner = inner;
    inner.onopen = () => this.later('down', () => this.onopen?.());
    inner.onmessage = ({ data }) => this.later('down', () => this.onmessage?.({ data }));
    inner.onclose = ({ code, reason }) => this.later('down', () => this.end(code, reason));
    inner.onerror = () => this.onerror?.();
  }

  get readyState(): number {
    return this.isOver ? WebSocket.CLOSED : (this.inner?.readyState ?? WebSocket.CONNECTING);
  }

  get bufferedAmount(): number {
    return (this.inner?.bufferedAmount ?? 0) + this.waiting;
  }

  set binaryType(type: BinaryType) {
    if (this.inner) this.inner.binaryType = type;
  }

  send(data: Uint8Array<ArrayBuffer> | string): void {
    const size = data.length;
    this.waiting += size;
    this.later('up', () => {
      this.waiting -= size;
      if (this.inner?.readyState === WebSocket.OPEN) this.inner.send(data);
    });
  }

  close(code?: number, reason?: string): void {
    this.later('up', () => this.inner?.close(code, reason));
  }

  /** Nothing goes through any more, in either direction. */
  cut(): void {
    const { inner } = this;
    this.end(1006, '');
    inner?.close();
  }

  private later(way: 'up' | 'down', run: () => void): void {
    const now = performance.now();
    const at = Math.max(now + this.delay(), this.until[way]);
    this.until[way] = at;
    const guarded = (): void => {
      if (!this.isOver) run();
    };
    if (at <= now) guarded();
    else setTimeout(guarded, at - now);
  }

  private end(code: number, reason: string): void {
    if (this.isOver) return;
    this.isOver = true;
    this.ended(this);
    this.onclose?.({ code, reason });
  }
}
