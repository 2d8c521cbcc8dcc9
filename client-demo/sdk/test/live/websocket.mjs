/** Gives Node 20 the global `WebSocket` that browsers and later versions have: `node --import ./websocket.mjs`. */
import { WebSocket } from 'ws';

globalThis.WebSocket ??= WebSocket;
