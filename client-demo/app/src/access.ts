import type { Credentials, TokenProvider } from '@collabcanvas/sdk';

/** The token or share link in an address's fragment, and what is left of the fragment without it. */
export function credentialIn(fragment: string): { readonly token: string | undefined; readonly rest: string } {
  const parts = new URLSearchParams(fragment.replace(/^#/, ''));
  const token = parts.get('link') || parts.get('token') || undefined;
  parts.delete('link');
  parts.delete('token');
  const rest = parts.toString();
  return { token, rest: rest === '' ? '' : `#${rest}` };
}

/** Whom a credential stands for, as far as it tells: the user whom a token names, or whoever has this link. */
export function userOf(token: string): string {
  try {
    const claims = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    const { sub } = JSON.parse(atob(claims)) as { sub?: unknown };
    if (typeof sub === 'string') return `user:${sub}`;
  } catch {
    // No token: a link or a ticket, which says nothing about who has it.
  }
  let digest = 0x811c9dc5;
  for (let i = 0; i < token.length; i += 1) digest = Math.imul(digest ^ token.charCodeAt(i), 0x01000193) >>> 0;
  return `link:${digest.toString(36)}`;
}

/** What is kept for a tab, if it is what was put there. */
export function credentialsFrom(json: string | null): Credentials | undefined {
  try {
    const kept: unknown = JSON.parse(json ?? 'null');
    if (typeof kept !== 'object' || kept === null || !('token' in kept) || typeof kept.token !== 'string') return undefined;
    const password = 'password' in kept && typeof kept.password === 'string' ? { password: kept.password } : {};
    return { token: kept.token, ...password };
  } catch {
    return undefined;
  }
}

/**
 * What opens the board: a token (`#token=…`) or a share link (`#link=…`), and the password that a link may ask for. They come in the address's fragment,
 * which no server sees, leave the address at once, and stay in this tab.
 */
export class Access {
  private kept: Credentials | undefined;
  private password: Promise<string> | undefined;
  private readonly key: string;

  constructor(project: string) {
    this.key = `collabcanvas:access:${project}`;
    this.kept = this.stored();
    this.take();
    // Another link in the same tab's address is another way in.
    addEventListener('hashchange', () => {
      if (this.take()) location.reload();
    });
  }

  /** The token or the link; undefined: none. */
  get token(): string | undefined {
    return this.kept?.token;
  }

  /** Whose work is kept in this browser; undefined: that of anybody who comes with nothing. */
  get user(): string | undefined {
    return this.token === undefined ? undefined : userOf(this.token);
  }

  /** For the SDK; undefined when there is nothing to give: then a server that asks for something says so. */
  get provider(): TokenProvider | undefined {
    if (this.kept === undefined) return undefined;
    return async () => {
      const password = await this.password;
      if (this.kept === undefined) throw new Error('nothing opens this board any more');
      return password === undefined ? this.kept : { ...this.kept, password };
    };
  }

  /** Whether a password is waited for. */
  get isAsking(): boolean {
    return this.password !== undefined;
  }

  /** The link's password is on its way: nothing is tried without it. */
  ask(password: Promise<string>): void {
    const { kept } = this;
    this.password = password;
    const over = (): void => void (this.password = undefined);
    password.then((password) => {
      if (kept) this.keep({ token: kept.token, password });
      over();
    }, over);
  }

  /** @returns whether there was something in the address */
  private take(): boolean {
    const { token, rest } = credentialIn(location.hash);
    if (token === undefined) return false;
    history.replaceState(history.state, '', location.pathname + location.search + rest);
    this.keep({ token });
    return true;
  }

  private keep(credentials: Credentials): void {
    this.kept = credentials;
    try {
      sessionStorage.setItem(this.key, JSON.stringify(credentials));
    } catch {
      // A browser that forbids storage: it holds as long as the page.
    }
  }

  private stored(): Credentials | undefined {
    try {
      return credentialsFrom(sessionStorage.getItem(this.key));
    } catch {
      return undefined;
    }
  }
}
