/** The worker that the pages of an origin have in common. Started by `link.ts`; everything else here is called by it. */
import { platform } from '../runtime.js';
import type { ToPage, ToWorker } from './messages.js';
import { Tab } from './tab.js';
import { Trunk } from './trunk.js';

const scope = globalThis as unknown as { onconnect: ((event: MessageEvent) => void) | null };
const options = { WebSocket, runtime: platform };
const trunks = new Map<string | undefined, Trunk>();

function trunkOf(url: string | undefined): Trunk {
  const trunk = trunks.get(url) ?? new Trunk(url, options);
  trunks.set(url, trunk);
  return trunk;
}

/** Held until this worker ends, however it does. */
const lock = `collabcanvas worker ${crypto.randomUUID()}`;
const held = new Promise<void>((resolve) => {
  void navigator.locks.request(lock, () => {
    resolve();
    return new Promise<void>(() => undefined);
  });
});

function watch(name: string, gone: () => void): void {
  void navigator.locks.request(name, gone);
}

scope.onconnect = ({ ports: [port] }) => {
  if (port === undefined) return;
  const post = (message: ToPage, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);
  const tab = new Tab({ post, trunkOf, watch });
  port.onmessage = ({ data }: MessageEvent<ToWorker>) => tab.on(data);
  void held.then(() => post({ t: 'hello', lock }));
};
