/** Frames: whole protocol messages, as MessagePack and as they travel. */
import { serverError } from '../errors.js';
import type { Op, ServerMessage } from '../protocol.js';
import { Opaque, type Value } from '../value.js';
import { Reader } from './reader.js';
import { Names, SHORT } from './short.js';
import { Writer } from './writer.js';

export { Names, SHORT };

/** What a WebSocket sends and receives: bytes travel in binary messages, text in text messages. */
export type Frame = Uint8Array<ArrayBuffer> | string;

/** How messages travel. Values are the same in every encoding. */
export interface Encoding {
  /** The WebSocket subprotocol that stands for it. */
  readonly subprotocol: string;
  /** A message, given as MessagePack, as it is sent. */
  encode(message: Uint8Array<ArrayBuffer>): Frame;
  /** What was received, as MessagePack. @throws CanvasError `server_error` when it cannot be read */
  decode(frame: Uint8Array | string): Uint8Array;
}

export const msgpackEncoding: Encoding = {
  subprotocol: 'collabcanvas.v1.msgpack',
  encode: (message) => message,
  // Text, which no server sends here, cannot be read, and that is told as of any other frame.
  decode: (frame) => frame as Uint8Array,
};

/**
 * Encodes a batch around ops that `encodeOps` has encoded, so that a resend carries the same bytes.
 * @param body the encoded ops, or the code of a refused batch
 */
export function encodeBatch(cid: number, body: Uint8Array | string, durable: boolean): Uint8Array<ArrayBuffer> {
  const content = typeof body === 'string' ? { void: body } : { ops: new Opaque(body) };
  return encodeValue({ t: 'batch', cid, ...content, ...(durable && { durable }) });
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
  if (!reader.done) throw serverError('bytes are left over');
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
 * Decodes a message from the server.
 * @param names what numbers stand for in this session's short frames; a welcome forgets them
 * @returns undefined for one that only gives numbers; a later server may send one of a type that is not known here
 * @throws CanvasError `server_error` when the frame cannot be read
 */
export function decodeMessage(bytes: Uint8Array, names: Names = new Names()): ServerMessage | undefined {
  const message = decodeValue(bytes);
  if (Array.isArray(message)) return names.message(message);
  const type = (message as { t?: unknown } | null)?.t;
  if (typeof type !== 'string') throw serverError('a message without a type');
  if (type === 'welcome') names.forget();
  return message as unknown as ServerMessage;
}
