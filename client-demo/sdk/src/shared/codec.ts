/** Frames of a shared socket: a kind, a channel, and what a socket of its own would have carried. Pure. */

/** The subprotocol of a shared socket. */
export const SHARED_PROTOCOL = 'collabcanvas.v1.shared';
/** One byte for the kind, four for the channel. */
export const HEADER_BYTES = 5;

/** `o` opens a channel, `b` and `t` are its binary and text messages, `c` closes it. */
export type Kind = 'o' | 'b' | 't' | 'c';

export interface SharedFrame {
  /** A later server may have kinds that are not known here. */
  readonly kind: string;
  readonly channel: number;
  readonly payload: Uint8Array<ArrayBuffer>;
}

const encoder = new TextEncoder();
// A byte order mark is a part of the text, as in a WebSocket.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

export const utf8 = (text: string): Uint8Array<ArrayBuffer> => encoder.encode(text);
export const textOf = (bytes: Uint8Array): string => decoder.decode(bytes);

/** Room for a frame around a copy of this payload; its kind and channel are not known yet. */
export function frameAround(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(HEADER_BYTES + payload.length);
  frame.set(payload, HEADER_BYTES);
  return frame;
}

/** Writes the header of a frame that has room for it. */
export function address(frame: Uint8Array<ArrayBuffer>, kind: Kind, channel: number): Uint8Array<ArrayBuffer> {
  frame[0] = kind.charCodeAt(0);
  new DataView(frame.buffer, frame.byteOffset).setUint32(1, channel);
  return frame;
}

export function openFrame(channel: number, project: string, protocols: readonly string[]): Uint8Array<ArrayBuffer> {
  return address(frameAround(utf8(`${project} ${protocols.join(',')}`)), 'o', channel);
}

export function closeFrame(channel: number, code: number, reason: string): Uint8Array<ArrayBuffer> {
  const text = utf8(reason);
  const frame = new Uint8Array(HEADER_BYTES + 2 + text.length);
  new DataView(frame.buffer).setUint16(HEADER_BYTES, code);
  frame.set(text, HEADER_BYTES + 2);
  return address(frame, 'c', channel);
}

/** @returns undefined for what is no frame */
export function readFrame(bytes: Uint8Array<ArrayBuffer>): SharedFrame | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const channel = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1);
  return { kind: String.fromCharCode(bytes[0] ?? 0), channel, payload: bytes.subarray(HEADER_BYTES) };
}

/** What a close says; 1005 when it says nothing, as a WebSocket has it. */
export function readClose(payload: Uint8Array): { code: number; reason: string } {
  if (payload.length < 2) return { code: 1005, reason: '' };
  return { code: new DataView(payload.buffer, payload.byteOffset).getUint16(0), reason: textOf(payload.subarray(2)) };
}
