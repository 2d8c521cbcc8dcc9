/** Frames: whole protocol messages, in either subprotocol. */
import { CanvasError } from '../errors.js';
import type { ClientMessage, Op, ServerMessage } from '../protocol.js';
import type { Value } from '../value.js';
import { jsonFromMsgpack, msgpackFromJson } from './json.js';
import { Reader } from './reader.js';
import { Names, SHORT } from './short.js';
import { Writer } from './writer.js';

export { Names, SHORT };

export type Encoding = 'msgpack' | 'json';

/** What a WebSocket sends and receives: bytes travel in binary messages, text in text messages. */
export type Frame = Uint8Array<ArrayBuffer> | string;

/** The WebSocket subprotocol of an encoding. */
export const subprotocol = (encoding: Encoding): string => `collabcanvas.v1.${encoding}`;

/** Encodes a message that holds no ops, or ops that need not be kept. */
export function encodeMessage(message: ClientMessage, encoding: Encoding): Frame {
  return frameOf(encodeValue(message), encoding);
}

/**
 * Encodes a batch around ops that `encodeOps` has encoded, so that a resend carries the same bytes.
 * @param body the encoded ops, or the code of a refused batch
 */
export function encodeBatch(cid: number, body: Uint8Array | string, durable: boolean, encoding: Encoding): Frame {
  const writer = new Writer(body.length * 2 + 64);
  writer.mapHeader(durable ? 4 : 3);
  writer.text('t');
  writer.text('batch');
  writer.text('cid');
  writer.value(cid);
  writer.text(typeof body === 'string' ? 'void' : 'ops');
  if (typeof body === 'string') writer.text(body);
  else writer.raw(body);
  if (durable) {
    writer.text('durable');
    writer.value(true);
  }
  return frameOf(writer.finish(), encoding);
}

/** Encodes one value. */
export function encodeValue(value: unknown, room?: number): Uint8Array<ArrayBuffer> {
  const writer = new Writer();
  writer.value(value, room);
  return writer.finish();
}

/** Decodes exactly one value. */
export function decodeValue(bytes: Uint8Array): Value {
  const reader = new Reader(bytes);
  const value = reader.value();
  if (!reader.done) throw new CanvasError('server_error', 'bytes are left over behind a value', { retry: true });
  return value;
}

/** Encodes ops as they stand in a batch. Values may nest `depth` deep. */
export function encodeOps(ops: readonly Op[], depth: number): Uint8Array<ArrayBuffer> {
  // An op is two containers around a property's value: the op itself and its `props` or `set`; the list is a third.
  return encodeValue(ops, depth + 3);
}

/** The ops that `encodeOps` has encoded: a copy that shares nothing with what the application passed in. */
export function decodeOps(bytes: Uint8Array): Op[] {
  return decodeValue(bytes) as unknown as Op[];
}

/**
 * Decodes a frame from the server.
 * @param names what numbers stand for in this session's short frames; a welcome forgets them
 * @returns undefined for a message of an unknown type, which a later server may send, and for one that only gives numbers
 * @throws CanvasError `server_error` when the frame cannot be read
 */
export function decodeMessage(frame: Uint8Array | string, names: Names = new Names()): ServerMessage | undefined {
  const message = decodeValue(typeof frame === 'string' ? msgpackFromJson(frame) : frame);
  if (Array.isArray(message)) return names.message(message);
  const type = typeof message === 'object' && message !== null && 't' in message ? message.t : undefined;
  if (typeof type !== 'string') throw new CanvasError('server_error', 'a message without a type', { retry: true });
  if (type === 'welcome') names.forget();
  return SERVER_TYPES.has(type) ? (message as unknown as ServerMessage) : undefined;
}

const SERVER_TYPES: ReadonlySet<string> = new Set<ServerMessage['t']>([
  'welcome', 'snapshot', 'commits', 'ack', 'reject', 'gap', 'saved', 'presence', 'broadcast', 'pong', 'mode', 'permission', 'error',
  'goaway',
]);

function frameOf(bytes: Uint8Array<ArrayBuffer>, encoding: Encoding): Frame {
  return encoding === 'msgpack' ? bytes : jsonFromMsgpack(bytes);
}
