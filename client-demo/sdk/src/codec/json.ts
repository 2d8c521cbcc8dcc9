/**
 * The JSON form of the protocol (PROTOCOL §9), as two translations between JSON text and MessagePack bytes.
 *
 * Everything about values (what is exact, what is an integer) is thus decided once, in the MessagePack codec, and JSON needs
 * no second reading of it. `JSON.parse` would not do: it cannot tell `1.0` from `1`, and rounds large integers.
 */
import { serverError, type CanvasError } from '../errors.js';
import { base64 } from './base64.js';
import { Walker } from './walker.js';
import { Writer } from './writer.js';

/** The key that stands for a value's MessagePack. */
const RAW = '$mp';
const NUMBER = /-?\d+(\.\d+)?([eE][+-]?\d+)?/y;
const STRING = /"(?:[^"\\]|\\.)*"/y;
const SPACE = /[ \t\n\r]*/y;

/** MessagePack bytes (one value) as JSON text. */
export function jsonFromMsgpack(bytes: Uint8Array): string {
  return textOf(new Walker(bytes));
}

/**
 * JSON text as MessagePack bytes.
 * @throws CanvasError `server_error` when the text is not JSON
 */
export function msgpackFromJson(text: string): Uint8Array<ArrayBuffer> {
  const writer = new Writer(text.length + 16);
  const parser = new Parser(text);
  parser.value(writer);
  parser.end();
  return writer.finish();
}

function textOf(walker: Walker): string {
  const start = walker.offset;
  const { lead } = walker;
  const container = walker.container();
  if (container === undefined) return leafText(walker, start, lead);
  const items: string[] = [];
  let plain = container.shortest;
  const keys = new Set<string>();
  for (let i = 0; i < container.size; i += 1) {
    if (!container.map) {
      items.push(textOf(walker));
      continue;
    }
    const key = walker.value();
    if (typeof key.value !== 'string' || !key.exact || keys.has(key.value)) plain = false;
    else keys.add(key.value);
    items.push(`${JSON.stringify(String(key.value))}:${textOf(walker)}`);
  }
  if (!plain || (keys.size === 1 && keys.has(RAW))) return rawText(walker.since(start));
  return container.map ? `{${items.join(',')}}` : `[${items.join(',')}]`;
}

function leafText(walker: Walker, start: number, lead: number): string {
  const { value, exact } = walker.value();
  // Only a 64-bit float is plain although it is not "exact": JSON has the point that JavaScript's numbers lack.
  if (lead === 0xcb && Number.isFinite(value)) return floatText(value as number);
  if (exact && (value === null || ['boolean', 'string', 'number'].includes(typeof value)) && lead !== 0xcb) {
    return JSON.stringify(value);
  }
  return rawText(walker.since(start));
}

function floatText(value: number): string {
  const text = Object.is(value, -0) ? '-0' : String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

const rawText = (bytes: Uint8Array): string => `{"${RAW}":"${base64(bytes)}"}`;

/** A recursive JSON parser that writes MessagePack. */
class Parser {
  #pos = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  value(writer: Writer): void {
    switch (this.#peek()) {
      case '{':
        return this.#map(writer);
      case '[':
        return this.#list(writer);
      case '"':
        return writer.text(this.#string());
      case 't':
        return this.#word('true', true, writer);
      case 'f':
        return this.#word('false', false, writer);
      case 'n':
        return this.#word('null', null, writer);
      default:
        return this.#number(writer);
    }
  }

  end(): void {
    if (this.#peek() !== '') throw this.#broken();
  }

  #map(writer: Writer): void {
    const body = new Writer();
    let size = 0;
    let raw: Uint8Array | undefined;
    this.#items('}', () => {
      const key = this.#string();
      this.#expect(':');
      size += 1;
      raw = size === 1 && key === RAW && this.#peek() === '"' ? fromBase64(this.#string(), () => this.#broken()) : undefined;
      body.text(key);
      if (raw === undefined) this.value(body);
    });
    if (raw !== undefined) return writer.raw(raw);
    writer.mapHeader(size);
    writer.raw(body.finish());
  }

  #list(writer: Writer): void {
    const body = new Writer();
    let size = 0;
    this.#items(']', () => {
      size += 1;
      this.value(body);
    });
    writer.arrayHeader(size);
    writer.raw(body.finish());
  }

  /** Reads comma-separated items from the opening bracket to `close`. */
  #items(close: string, item: () => void): void {
    this.#pos += 1;
    if (this.#peek() === close) {
      this.#pos += 1;
      return;
    }
    for (;;) {
      item();
      const next = this.#peek();
      this.#pos += 1;
      if (next === close) return;
      if (next !== ',') throw this.#broken();
    }
  }

  #number(writer: Writer): void {
    const text = this.#match(NUMBER);
    if (/[.eE]/.test(text)) writer.float(Number(text));
    else writer.bigint(BigInt(text));
  }

  #string(): string {
    this.#peek();
    return JSON.parse(this.#match(STRING)) as string;
  }

  #word(word: string, value: boolean | null, writer: Writer): void {
    if (!this.#text.startsWith(word, this.#pos)) throw this.#broken();
    this.#pos += word.length;
    writer.value(value);
  }

  #expect(mark: string): void {
    if (this.#peek() !== mark) throw this.#broken();
    this.#pos += 1;
  }

  /** The next character that is not a space; '' at the end. */
  #peek(): string {
    this.#match(SPACE);
    return this.#text.charAt(this.#pos);
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#pos;
    const found = pattern.exec(this.#text);
    if (found === null) throw this.#broken();
    this.#pos = pattern.lastIndex;
    return found[0];
  }

  #broken(): CanvasError {
    return serverError(`broken JSON at ${this.#pos}`);
  }
}

/** The bytes of exactly one MessagePack value. */
function fromBase64(text: string, broken: () => CanvasError): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    throw broken();
  }
  const walker = new Walker(bytes);
  walker.skip();
  if (!walker.done) throw broken();
  return bytes;
}
