import { decode, encode } from '@msgpack/msgpack';
import type { Page, WebSocketRoute } from 'playwright-core';

type Message = Readonly<Record<string, unknown>>;

/** A connection that the test has its hand on. */
export class Wire {
  private page: WebSocketRoute | undefined;
  /** What the server says goes through this; undefined: it does not arrive. */
  fromServer = (message: Message): Message | undefined => message;
  /** What the page says; undefined: it does not arrive. */
  fromPage = (message: Message): Message | undefined => message;

  /** To be called before the page opens. */
  async tap(page: Page): Promise<void> {
    await page.routeWebSocket(/\/v1\/projects\//, (route) => this.attach(route));
  }

  private attach(page: WebSocketRoute): void {
    this.page = page;
    const upstream = page.connectToServer();
    const pass = (filter: (message: Message) => Message | undefined, to: WebSocketRoute) => (frame: string | Buffer): void => {
      const message = filter(decode(frame as Buffer) as Message);
      if (message !== undefined) to.send(Buffer.from(encode(message)));
    };
    // Without features, so that the server says everything in the long form.
    page.onMessage(pass((message) => this.fromPage(message['t'] === 'hello' ? { ...message, features: [] } : message), upstream));
    upstream.onMessage(pass((message) => this.fromServer(message), page));
  }

  say(message: Message): void {
    this.page?.send(Buffer.from(encode(message)));
  }

  /** As if the server had closed the connection. */
  close(code: number, reason = ''): void {
    void this.page?.close({ code, reason });
  }
}
