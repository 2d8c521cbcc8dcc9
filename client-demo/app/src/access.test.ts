import { describe, expect, it } from 'vitest';
import { credentialIn, credentialsFrom, userOf } from './access';

describe('what is in an address', () => {
  it.each([
    ['#token=eyJ.a-b_c.d', 'eyJ.a-b_c.d', ''],
    ['#link=link.ab12', 'link.ab12', ''],
    ['#link=link.ab%2B%2F%3D', 'link.ab+/=', ''],
    ['#a=1&token=t&b=2', 't', '#a=1&b=2'],
    // A link is what somebody was given for this board; a token is older.
    ['#token=t&link=link.x', 'link.x', ''],
    ['#token=', undefined, ''],
    ['#a=1', undefined, '#a=1'],
    ['', undefined, ''],
  ])('%s', (fragment, token, rest) => {
    expect(credentialIn(fragment)).toEqual({ token, rest });
  });
});

describe('whom a credential stands for', () => {
  it('a token names its user, whichever token it is', () => {
    const token = (claims: object): string => `eyJ.${btoa(JSON.stringify(claims)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}.sig`;
    expect([token({ sub: 'ana', exp: 1 }), token({ sub: 'ana', exp: 2 }), token({ sub: 'bén?>' })].map(userOf)).toEqual(['user:ana', 'user:ana', 'user:bén?>']);
  });

  it('a link is itself, and is not told', () => {
    const [a, b] = ['link.abcdef', 'link.abcdeg'].map(userOf);
    expect(a).toMatch(/^link:[0-9a-z]+$/);
    expect(a).not.toBe(b);
    expect(a).not.toContain('abcdef');
    expect(userOf('eyJ.e30.x')).toMatch(/^link:/);
  });
});

describe('what is kept for a tab', () => {
  it('comes back as it was', () => {
    for (const kept of [{ token: 't' }, { token: 'link.x', password: 'open' }]) expect(credentialsFrom(JSON.stringify(kept))).toEqual(kept);
  });

  it.each([[null], [''], ['{'], ['7'], ['null'], ['{}'], ['{"token":7}']])('is nothing when it is %s', (json) => {
    expect(credentialsFrom(json)).toBeUndefined();
  });

  it('is taken without what is no password', () => {
    expect(credentialsFrom('{"token":"t","password":7,"more":1}')).toEqual({ token: 't' });
  });
});
