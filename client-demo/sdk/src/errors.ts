/** Typed errors of the SDK. Imports nothing; every other module may use it. */

/**
 * Everything that the SDK throws or reports.
 *
 * `code` is stable and meant for programs: the refusal codes of the protocol (`exists`, `precondition`, …), the names of
 * its close codes (`forbidden`, `replaced`, …) and the SDK's own: `invalid_value`, `invalid_options`, `connection_lost`,
 * `token_failed`, `server_error`, `closed`, `server_behind`, `history_lost`.
 * `message` is for people.
 */
export class CanvasError extends Error {
  override readonly name = 'CanvasError';
  readonly code: string;
  /** True: the SDK goes on trying by itself, nothing is lost. False: nothing more happens unless the application acts. */
  readonly retry: boolean;

  constructor(code: string, message: string, options: { retry?: boolean; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retry = options.retry ?? false;
  }
}

/** Whatever went wrong while a message was applied, as what can be reported. */
export function asCanvasError(error: unknown): CanvasError {
  if (error instanceof CanvasError) return error;
  return new CanvasError('server_error', `a message could not be applied: ${String(error)}`, { retry: true, cause: error });
}
