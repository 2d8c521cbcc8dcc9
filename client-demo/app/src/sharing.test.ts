import { afterEach, describe, expect, it, vi } from 'vitest';
import { describeLink, Sharing, type ShareLink } from './sharing';

interface Call {
  readonly url: string;
  readonly init: RequestInit;
}

/** A server that answers everything with this. */
function serving(status: number, body: unknown): Call[] {
  const calls: Call[] = [];
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    calls.push({ url, init });
    return new Response(status === 204 ? null : JSON.stringify(body), { status });
  });
  return calls;
}

afterEach(() => vi.unstubAllGlobals());

const sharing = new Sharing('p1', () => 'the-token');
const link: ShareLink = { id: 'a', role: 'viewer', expires_ms: null, has_password: false, made_ms: 1 };

describe('sharing', () => {
  it('lists, makes and revokes links, with the token of the page in the header and nowhere else', async () => {
    const calls = serving(200, { links: [link], id: 'a', link: 'link.secret' });
    expect(await sharing.links()).toEqual([link]);
    expect(await sharing.make({ role: 'viewer', ttl_ms: 5, password: 'open' })).toBe('link.secret');
    await sharing.revoke('a/b');
    await sharing.freeze(true);
    expect(calls.map(({ url, init }) => [init.method, url, init.body])).toEqual([
      ['GET', '/v1/projects/p1/links', undefined],
      ['POST', '/v1/projects/p1/links', '{"role":"viewer","ttl_ms":5,"password":"open"}'],
      ['DELETE', '/v1/projects/p1/links/a%2Fb', undefined],
      ['PUT', '/v1/projects/p1/frozen', '{"frozen":true}'],
    ]);
    for (const { init } of calls) expect(init).toMatchObject({ cache: 'no-store', headers: { authorization: 'Bearer the-token' } });
  });

  it('knows that the board was frozen here from the moment that it is asked for until it is thawed', async () => {
    serving(204, null);
    const owner = new Sharing('p2', () => 'the-token');
    expect(owner.hasFrozen).toBe(false);
    const freezing = owner.freeze(true);
    expect(owner.hasFrozen).toBe(true);
    await freezing;
    await owner.freeze(false);
    expect(owner.hasFrozen).toBe(false);
  });

  it('takes an answer without a body', async () => {
    serving(204, undefined);
    await expect(sharing.revoke('a')).resolves.toBeUndefined();
  });

  it.each([[401, /Reload/], [403, /Only an owner/], [429, /in a minute/], [500, /\(500\)/]])('says what to do about %i', async (status, sentence) => {
    serving(status, {});
    await expect(sharing.links()).rejects.toThrow(sentence);
  });

  it('says that the server is away', async () => {
    vi.stubGlobal('fetch', async () => Promise.reject(new TypeError('Failed to fetch')));
    await expect(sharing.freeze(false)).rejects.toThrow(/cannot be reached/);
  });
});

describe('describeLink', () => {
  it('says what it lets one do, and for how long', () => {
    expect(describeLink(link, 0)).toBe('Can look · for good');
    expect(describeLink({ ...link, role: 'editor', expires_ms: 10, has_password: true }, 10)).toBe('Can edit · over · with a password');
    expect(describeLink({ ...link, expires_ms: Date.UTC(2030, 0, 15, 12) }, 0)).toMatch(/^Can look · until Jan 15, 2030/);
  });
});
