import type { Role } from '@collabcanvas/sdk';

/** A share link as the server lists it; the link itself is told only once, to who made it. */
export interface ShareLink {
  readonly id: string;
  /** What whoever comes by it may do. */
  readonly role: Role;
  /** When it ends, in milliseconds since 1970; null: never. */
  readonly expires_ms: number | null;
  readonly has_password: boolean;
  /** When it was made, in milliseconds since 1970. */
  readonly made_ms: number;
}

/** What a new link shall be. */
export interface NewLink {
  readonly role: Role;
  /** In how many milliseconds it ends; without it, never. */
  readonly ttl_ms?: number;
  readonly password?: string;
}

/** What an owner does about who may come to a board, over HTTP. */
export class Sharing {
  /**
   * Whether the board was frozen here, in this tab: whoever did that can let people edit again, whatever it has made of their own role, and after a reload
   * too. Known from the moment that it is asked for, since the news of the role may come before the answer.
   */
  hasFrozen: boolean;
  private readonly key: string;

  /** @param token the page's own, asked for with every call */
  constructor(
    private readonly project: string,
    private readonly token: () => string | undefined,
  ) {
    this.key = `collabcanvas:frozen:${project}`;
    this.hasFrozen = this.stored();
  }

  /** @throws Error with a sentence for people, as everything here */
  async links(): Promise<readonly ShareLink[]> {
    const { links } = (await (await this.call('GET', 'links')).json()) as { links: readonly ShareLink[] };
    return links;
  }

  /** @returns the link, which nobody can ask for again */
  async make(wanted: NewLink): Promise<string> {
    const { link } = (await (await this.call('POST', 'links', wanted)).json()) as { link: string };
    return link;
  }

  /** Who has come by it goes, and nobody else comes. */
  async revoke(id: string): Promise<void> {
    await this.call('DELETE', `links/${encodeURIComponent(id)}`);
  }

  /** While a board is frozen, nobody changes it. */
  async freeze(frozen: boolean): Promise<void> {
    if (frozen) this.remember(true);
    await this.call('PUT', 'frozen', { frozen });
    if (!frozen) this.remember(false);
  }

  private remember(hasFrozen: boolean): void {
    this.hasFrozen = hasFrozen;
    try {
      if (hasFrozen) sessionStorage.setItem(this.key, 'yes');
      else sessionStorage.removeItem(this.key);
    } catch {
      // A browser that forbids storage: it is known as long as the page is there.
    }
  }

  private stored(): boolean {
    try {
      return sessionStorage.getItem(this.key) !== null;
    } catch {
      return false;
    }
  }

  private async call(method: string, path: string, body?: object): Promise<Response> {
    const headers = { authorization: `Bearer ${this.token() ?? ''}`, ...(body && { 'content-type': 'application/json' }) };
    const request = { method, headers, cache: 'no-store' as const, ...(body && { body: JSON.stringify(body) }) };
    const answer = await fetch(`/v1/projects/${this.project}/${path}`, request).catch(() => {
      throw new Error('The server cannot be reached. Try again when the board is connected.');
    });
    if (!answer.ok) throw new Error(refusalOf(answer.status));
    return answer;
  }
}

/** What to do about an answer that is none. */
export function refusalOf(status: number): string {
  if (status === 401) return 'Your access has ended. Reload the page to go on.';
  if (status === 403) return 'Only an owner of this board can do that.';
  if (status === 429) return 'That was too often. Try again in a minute.';
  return `That did not work (${status}). Try it again later.`;
}

const ROLES: Readonly<Record<Role, string>> = { owner: 'Owner', editor: 'Can edit', commenter: 'Can comment', viewer: 'Can look' };

/** A link in the words of the list. */
export function describeLink({ role, expires_ms, has_password }: ShareLink, now: number): string {
  const until = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });
  const end = expires_ms === null ? 'for good' : expires_ms <= now ? 'over' : `until ${until.format(expires_ms)}`;
  return [ROLES[role], end, ...(has_password ? ['with a password'] : [])].join(' · ');
}
