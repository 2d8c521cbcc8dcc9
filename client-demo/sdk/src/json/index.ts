/** Entry `@collabcanvas/sdk/json`: messages as text, for reading along, and losses as text, for keeping. */
import type { Encoding } from '../codec/frame.js';
import { jsonFromMsgpack, msgpackFromJson } from '../codec/json.js';

export { lossAsJson } from './loss.js';

/** Messages travel as JSON (PROTOCOL §9): `connect({ …, encoding: jsonEncoding })`. Every value comes through exactly, with more bytes and more work. */
export const jsonEncoding: Encoding = {
  subprotocol: 'collabcanvas.v1.json',
  encode: jsonFromMsgpack,
  decode: (frame) => (typeof frame === 'string' ? msgpackFromJson(frame) : frame),
};
