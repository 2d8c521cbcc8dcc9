/** What of a `WebSocket` the SDK uses, over the worker that pages share; over a WebSocket where there is no worker. */
import { frameAround, HEADER_BYTES, textOf, utf8 } from './codec.js';
import { linkOfPage, type Link, type LinkedSocket } from './link.js';

/** How much a page takes in before it says so, in bytes. Far less than the worker keeps for it. */
const TELL_READ_BYTES = 256 * 1024;
const [CONNECTING, OPEN, CLOSING, CLOSED] = [0, 1, 2, 3] as const;
const MOST_REASON_BYTES = 123;

export class SharedSocket {
  static readonly CONNECTING = CONNECTING;
  static readonly OPEN = OPEN;
  static readonly CLOSING = CLOSING;
  static readonly CLOSED = CLOSED;

  onopen: ((event: Event) => void) | null = null;
  onclose: ((event: { code: number; reason: string; wasClean: boolean }) => void) | null = null;
  onmessage: ((event: { data: ArrayBuffer | string }) => void) | null = null;
  onerror: ((event: Event) => void) | null = null;
  /** Binary messages are `ArrayBuffer`s, whatever this says. */
  binaryType: BinaryType = 'arraybuffer';
  readonly url: string;
  protocol = '';
  readyState: 0 | 1 | 2 | 3 = CONNECTING;
  readonly #protocols: string[];
  #link: Link | undefined;
  #id = 0;
  #own: WebSocket | undefined;
  #buffered = 0;
  #read = 0;

  constructor(url: string | URL, protocols: string | string[] = []) {
    const full = new URL(url, location.href);
    full.protocol = full.protocol.replace(/^http/, 'ws');
    if (!/^wss?:$/.test(full.protocol)) throw new DOMException(`not the address of a WebSocket: ${full.href}`, 'SyntaxError');
    this.url = full.href;
    this.#protocols = [protocols].flat();
    this.#link = linkOfPage();
    if (this.#link === undefined) this.#goAlone();
    else this.#id = this.#link.open(this.#linked(this.#link), this.url, this.#protocols);
  }

  /** Bytes that have not left this machine, wherever they wait. */
  get bufferedAmount(): number {
    return this.#own?.bufferedAmount ?? this.#buffered;
  }

  send(data: string | ArrayBuffer | ArrayBufferView<ArrayBuffer>): void {
    if (this.readyState === CONNECTING) throw new DOMException('the socket is not open yet', 'InvalidStateError');
    if (this.readyState !== OPEN) return;
    if (this.#own !== undefined) return this.#own.send(data);
    // Always a copy, because the caller may go on with its bytes; the copy has room for a header and moves to the worker.
    const frame = frameAround(bytesOf(data));
    this.#buffered += frame.length - HEADER_BYTES;
    this.#link?.post({ t: 'send', id: this.#id, isText: typeof data === 'string', frame: frame.buffer }, [frame.buffer]);
  }

  close(code = 1000, reason = ''): void {
    if (code !== 1000 && !(code >= 3000 && code <= 4999)) throw new DOMException(`not a code to close with: ${code}`, 'InvalidAccessError');
    if (utf8(reason).length > MOST_REASON_BYTES) throw new DOMException('the reason is too long', 'SyntaxError');
    if (this.readyState >= CLOSING) return;
    this.readyState = CLOSING;
    if (this.#own !== undefined) this.#own.close(code, reason);
    else this.#link?.post({ t: 'close', id: this.#id, code, reason });
  }

  /** How the link reaches this socket. */
  #linked(link: Link): LinkedSocket {
    return {
      opened: (protocol) => this.#opened(protocol),
      message: (isText, data) => {
        this.#read += data.byteLength;
        if (this.#read >= TELL_READ_BYTES) {
          link.post({ t: 'read', id: this.#id, bytes: this.#read });
          this.#read = 0;
        }
        this.#message(isText ? textOf(new Uint8Array(data)) : data);
      },
      sent: (bytes) => {
        this.#buffered -= bytes;
      },
      closed: (code, reason) => this.#closed(code, reason),
      alone: () => {
        if (this.readyState === CLOSING) return this.#closed(1006, '');
        try {
          this.#goAlone();
        } catch {
          // What a constructor throws; it is too late for that.
          this.#closed(1006, '');
        }
      },
    };
  }

  #goAlone(): void {
    this.#link = undefined;
    const own = new WebSocket(this.url, this.#protocols);
    this.#own = own;
    own.binaryType = 'arraybuffer';
    own.onopen = () => this.#opened(own.protocol);
    own.onmessage = ({ data }: MessageEvent<ArrayBuffer | string>) => this.#message(data);
    own.onclose = ({ code, reason }) => this.#closed(code, reason);
  }

  #opened(protocol: string): void {
    if (this.readyState !== CONNECTING) return;
    this.readyState = OPEN;
    this.protocol = protocol;
    this.onopen?.(new Event('open'));
  }

  #message(data: ArrayBuffer | string): void {
    // As with every WebSocket, nothing comes after `close`.
    if (this.readyState === OPEN) this.onmessage?.({ data });
  }

  #closed(code: number, reason: string): void {
    if (this.readyState === CLOSED) return;
    this.readyState = CLOSED;
    const wasClean = code !== 1006;
    if (!wasClean) this.onerror?.(new Event('error'));
    this.onclose?.({ code, reason, wasClean });
  }
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView<ArrayBuffer>): Uint8Array {
  if (typeof data === 'string') return utf8(data);
  return ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);
}
