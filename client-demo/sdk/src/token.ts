/** How an application gives access tokens. Only types. */

/** What a token is wanted for. */
export interface TokenRequest {
  /** The server has not accepted the last one, or no longer: give a new one, not the one that you may have kept. */
  readonly isRefused: boolean;
}

/** Gives a token. When it fails, it is asked again a little later, and the canvas goes on offline meanwhile. */
export type TokenProvider = (request: TokenRequest) => string | Promise<string>;
