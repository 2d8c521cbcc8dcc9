/** One server as the worker reaches it: by its shared socket, and by sockets of their own for those that cannot share it. */
import { Cable, type Client } from './cable.js';
import { HEADER_BYTES, textOf, utf8 } from './codec.js';
import { Line, type LineOptions } from './line.js';
import { placeOf } from './place.js';

export type { Client } from './cable.js';

/** What a page asked for. */
interface Wish {
  readonly url: string;
  readonly protocols: readonly string[];
}

export class Trunk {
  /** Clients that share, or wait to. */
  readonly #sharing = new Map<Client, { readonly cable: Cable; readonly wish: Wish }>();
  readonly #alone = new Map<Client, Line<Client>>();
  /** Where new clients go. One that a stopping server has retired stays with those that it has. */
  #cable: Cable | undefined;
  readonly #url: string | undefined;
  readonly #options: LineOptions;

  /** @param url of the shared socket; undefined when there can be none */
  constructor(url: string | undefined, options: LineOptions) {
    [this.#url, this.#options] = [url, options];
  }

  open(client: Client, wish: Wish): void {
    const place = placeOf(wish.url);
    if (place === undefined || place.url !== this.#url) return this.#goAlone(client, wish, undefined);
    const cable = this.#cable === undefined || this.#cable.isRetired ? this.#newCable(place.url) : this.#cable;
    this.#cable = cable;
    this.#sharing.set(client, { cable, wish });
    cable.open(client, place.project, wish.protocols);
  }

  /** @param frame the payload, with room for a header in front */
  send(client: Client, isText: boolean, frame: Uint8Array<ArrayBuffer>): void {
    const line = this.#alone.get(client);
    if (line === undefined) return this.#sharing.get(client)?.cable.send(client, isText, frame);
    const payload = frame.subarray(HEADER_BYTES);
    line.send(client, isText ? textOf(payload) : payload, payload.length, payload.length);
  }

  close(client: Client, code: number, reason: string): void {
    this.#alone.get(client)?.close(code, reason);
    this.#sharing.get(client)?.cable.close(client, code, reason);
  }

  /** The client hears nothing any more. */
  gone(client: Client): void {
    const [line, shared] = [this.#alone.get(client), this.#sharing.get(client)];
    this.#forget(client);
    line?.drop(1000);
    shared?.cable.gone(client);
  }

  #newCable(url: string): Cable {
    const cable: Cable = new Cable(url, this.#options, {
      closed: (client, code, reason) => {
        this.#forget(client);
        client.closed(code, reason);
      },
      alone: (client, isTrial) => {
        const wish = this.#sharing.get(client)?.wish;
        if (wish !== undefined) this.#goAlone(client, wish, isTrial ? cable : undefined);
      },
    });
    return cable;
  }

  /** @param failed the shared socket that was tried first, if any */
  #goAlone(client: Client, { url, protocols }: Wish, failed: Cable | undefined): void {
    this.#sharing.delete(client);
    const line = new Line<Client>(url, protocols, this.#options, {
      opened: (protocol) => {
        failed?.aloneWorked();
        client.opened(protocol);
      },
      message: (data) => client.message(typeof data === 'string', typeof data === 'string' ? utf8(data) : data),
      closed: (code, reason) => {
        this.#forget(client);
        client.closed(code, reason);
      },
      sent: (_, bytes) => client.sent(bytes),
    });
    this.#alone.set(client, line);
  }

  #forget(client: Client): void {
    this.#sharing.delete(client);
    this.#alone.delete(client);
  }
}
