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
  /** Always the same, as errors have it. */
  override readonly name = 'CanvasError';
  /** What happened, for programs. */
  readonly code: string;
  /** True: the SDK goes on trying by itself, nothing is lost. False: nothing more happens unless the application acts. */
  readonly retry: boolean;

  constructor(code: string, message: string, options: { retry?: boolean; cause?: unknown } = {}) {
    super(message, options);
    this.code = code;
    this.retry = options.retry ?? false;
  }
}

/** An error that passes: the SDK goes on by itself. */
export const passing = (code: string, message: string, cause?: unknown): CanvasError => new CanvasError(code, message, { retry: true, cause });

/** The server said something that cannot be; to reconnect is the cure. */
export const serverError = (message: string, cause?: unknown): CanvasError => passing('server_error', message, cause);

/** There is no connection any more. */
export const lost = (message: string): CanvasError => passing('connection_lost', message);

/** The application has given no access token. */
export function tokenError(cause: unknown): CanvasError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return passing('token_failed', `no access token: ${why}`, cause);
}

/** Whatever went wrong while a message was applied, as what can be reported. */
export function asCanvasError(error: unknown): CanvasError {
  if (error instanceof CanvasError) return error;
  return serverError(`a message could not be applied: ${String(error)}`, error);
}
