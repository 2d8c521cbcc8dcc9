/** How an application gives access tokens. */
import { given } from './value.js';

/** What a token is wanted for. */
export interface TokenRequest {
  /** The server does not accept the last one, or will not for much longer: give a new one, not the one that you may have kept. */
  readonly isRefused: boolean;
}

/** What opens a project. */
export interface Credentials {
  /** An access token, a one-time ticket, or a share link. */
  readonly token: string;
  /** The password that a share link asks for. */
  readonly password?: string;
}

/** Gives a token. When it fails, it is asked again a little later, and the canvas goes on meanwhile: offline, or as long as the last token holds. */
export type TokenProvider = (request: TokenRequest) => string | Credentials | Promise<string | Credentials>;

/** What a provider has given, as it travels. @throws Error when that is nothing: not every application is typed */
export function credentialsOf(made: string | Credentials | undefined): Credentials {
  if (made === undefined) throw new Error('none was given');
  return typeof made === 'string' ? { token: made } : { token: made.token, ...given({ password: made.password }) };
}
