/** Entry `@collabcanvas/sdk/shared`: one socket for all tabs of a browser. */
import { globalWebSocket } from '../runtime.js';
import { SharedSocket } from './socket.js';

/**
 * A `WebSocket` for `connect({ url, WebSocket: sharedSocket() })` whose connections to one server go through one socket, held by a worker that all tabs of
 * this origin have in common. Each tab keeps a session of its own: client id, presence, undo. Where that cannot be (no `SharedWorker`, no Web Locks, not a
 * browser), it is the global `WebSocket`; where the server or a proxy has no shared socket, each connection gets one of its own.
 * @throws CanvasError `invalid_options` where there is no `WebSocket` either
 */
export function sharedSocket(): typeof WebSocket {
  const canShare = typeof document !== 'undefined' && typeof SharedWorker !== 'undefined' && 'locks' in navigator && navigator.locks !== undefined;
  return canShare ? (SharedSocket as unknown as typeof WebSocket) : globalWebSocket();
}
