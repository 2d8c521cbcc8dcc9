/** A loss as text that a user can keep. */
import { base64 } from '../codec/base64.js';
import { encodeValue } from '../codec/frame.js';
import type { Loss } from '../loss.js';
import { exactBytes, Ext, Opaque } from '../value.js';

/** A report as text that keeps every value: JSON as PROTOCOL §9 reads it, in which `$mp` stands for the MessagePack of what JSON has no form for. */
export function lossAsJson(loss: Loss): string {
  return JSON.stringify(loss, function (this: object, key, value: unknown) {
    const bytes = exactBytes(this, key) ?? (isJson(value) ? undefined : encodeValue(value));
    return bytes === undefined ? value : { $mp: base64(bytes) };
  });
}

/** Whether JSON writes it so that it is read as the same value: there a number is an integer unless it has a point or an exponent. */
function isJson(value: unknown): boolean {
  if (typeof value === 'number') return !Object.is(value, -0) && (Number.isSafeInteger(value) || /[.e]/.test(String(value)));
  if (value instanceof Uint8Array || value instanceof Ext || value instanceof Opaque) return false;
  return typeof value !== 'bigint' && !(typeof value === 'object' && value !== null && '$mp' in value);
}
