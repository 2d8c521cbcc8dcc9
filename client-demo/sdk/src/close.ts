/** The close codes of PROTOCOL §5, as data. The golden file `tests/golden/close_codes.json` holds the same table. */
import { CanvasError } from './errors.js';

/**
 * What a client does after a close.
 * `retry`: reconnect after a back-off · `retry_slowly`: after 10 s and more · `token`: get a new token first, then as `retry` ·
 * `never`: not with this client id; if the rule gives no new one, stay closed · `done`: the client closed by itself.
 */
export type CloseAction = 'retry' | 'retry_slowly' | 'token' | 'never' | 'done';

/** What a close code means. */
export interface CloseRule {
  /** As in `CanvasError.code`. */
  readonly name: string;
  /** What this client does. */
  readonly action: CloseAction;
  /** `new`: the pending batches are reported, and the next session starts with a new client id at cid 1. */
  readonly client: 'keep' | 'new' | '-';
  /** For people. */
  readonly message: string;
}

const rule = (name: string, action: CloseAction, message: string, client: CloseRule['client'] = 'keep'): CloseRule => ({
  name,
  action,
  client,
  message,
});

/** The rules, by close code. */
export const CLOSE_RULES: ReadonlyMap<number, CloseRule> = new Map([
  [1000, rule('normal', 'done', 'the connection was closed', '-')],
  [1001, rule('going_away', 'retry', 'the server is going away')],
  [1009, rule('frame_too_large', 'never', 'a message was too large', 'new')],
  [1012, rule('restart', 'retry', 'the server restarts')],
  [4400, rule('malformed', 'never', 'a message could not be read', 'new')],
  [4401, rule('unauthenticated', 'token', 'the access token was not accepted')],
  [4403, rule('forbidden', 'never', 'no access to this project', '-')],
  [4404, rule('bad_project', 'never', 'the project id is not valid', '-')],
  [4406, rule('unsupported_version', 'never', 'another protocol version; reload the page', '-')],
  [4408, rule('hello_timeout', 'retry', 'the greeting came too late')],
  [4409, rule('replaced', 'never', 'another session uses this client id', '-')],
  [4410, rule('silent', 'retry', 'this client was silent')],
  [4411, rule('client_id_in_use', 'never', 'two pages share this client id', 'new')],
  [4412, rule('slow', 'retry', 'this client was too slow')],
  [4413, rule('project_full', 'retry_slowly', 'the project has too many sessions')],
  [4429, rule('too_many_connections', 'retry_slowly', 'too many connections')],
  [4500, rule('internal', 'retry', 'the server has failed')],
  [4503, rule('unavailable', 'retry', 'the project could not be loaded')],
]);

const OTHER: CloseRule = rule('connection_lost', 'retry', 'the connection was lost');

/** @param reason in the server's words; empty for none @param retry whether this client goes on by itself */
export function closeError({ name, message }: CloseRule, reason: string, retry: boolean): CanvasError {
  return new CanvasError(name, reason === '' ? message : `${message} (${reason})`, { retry });
}

/** The rule for a close code; any code that the table lacks, such as 1006 for a broken connection, means "retry". */
export function closeRule(code: number): CloseRule {
  return CLOSE_RULES.get(code) ?? OTHER;
}
