/**
 * Short frames (section 10 of the protocol): lists that stand for the messages that are said most, with numbers for authors and sessions.
 */
import { serverError } from '../errors.js';
import type { Change, Commit, PresenceEntry, ServerMessage } from '../protocol.js';
import type { Value } from '../value.js';
import { base64 } from './base64.js';

/** The feature that a client asks for in its hello. */
export const SHORT = 'short';

const KINDS = ['put', 'set', 'del'] as const;

/** What the numbers of a session stand for. */
export class Names {
  #names: (string | number)[] = [];

  /** A welcome forgets all numbers. */
  forget(): void {
    this.#names = [];
  }

  /**
   * The message that a list stands for.
   * @returns undefined when it only gave numbers
   * @throws CanvasError `server_error` when it stands for nothing
   */
  message(list: readonly Value[]): ServerMessage | undefined {
    const [kind, a, b, c] = list as unknown as [number, number, never, never];
    switch (kind) {
      case 0:
        this.#names.length = Math.min(a, this.#names.length);
        this.#names.push(...(b as (string | number)[]));
        return undefined;
      case 1:
        return { t: 'commits', seq: a, id: text(b), commits: (c as unknown[][]).map((commit) => this.#commit(commit)) };
      case 2:
        return { t: 'presence', sessions: (a as unknown as unknown[][]).map(([session, fields]) => [this.#name(session), fields] as PresenceEntry) };
      case 3:
        return { t: 'ack', cid: a, seq: b };
      case 4:
        return { t: 'saved', cid: a, seq: b };
      default:
        throw serverError(`a short frame of kind ${kind}`);
    }
  }

  #commit([author, cid, changes, ...code]: unknown[]): Commit {
    const long = (changes as [number, ...unknown[]][]).map(([kind, ...rest]) => [KINDS[kind], ...rest] as Change);
    return [author === null ? '' : this.#name(author), cid, long, ...code] as Commit;
  }

  #name(number: unknown): string | number {
    const name = this.#names[number as number];
    if (name === undefined) throw serverError('a number that was not given');
    return name;
  }
}

/** A commit id as text. */
function text(bytes: Uint8Array): string {
  return base64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
