import { CanvasError, type Canvas, type Status } from '@collabcanvas/sdk';
import { describe, expect, it } from 'vitest';
import { watchGate } from './gate';

/** What the gate has to do with, and what it did. */
function scene(token: string | undefined) {
  const did: string[] = [];
  let tell: (error: CanvasError) => void = () => undefined;
  let answer: { give: (password: string) => void; fail: () => void } | undefined;
  const status: { connection: Status['connection']; synced: boolean; unsent: number } = { connection: 'offline', synced: false, unsent: 2 };
  const canvas = {
    status,
    on: (_: string, listener: typeof tell) => void (tell = listener),
    disconnect: () => did.push('disconnect'),
    reconnect: () => did.push('reconnect'),
  } as unknown as Canvas;
  const access = { token, isAsking: false, ask: (password: Promise<string>) => {
    access.isAsking = true;
    password.then(() => (access.isAsking = false), () => (access.isAsking = false));
  } };
  const dialog = { ask: (isWrong: boolean) => new Promise<string>((give, fail) => {
    did.push(isWrong ? 'ask again' : 'ask');
    answer = { give, fail: () => fail(new Error('no')) };
  }) };
  watchGate(canvas, access, dialog, { show: (barrier, wasIn, unsent) => did.push(`${barrier} ${wasIn} ${unsent}`) });
  return { did, status, error: (code: string) => tell(new CanvasError(code, '')), answer: () => answer };
}

/** Promises that are due, all of them. */
const settled = (): Promise<void> => new Promise((done) => setTimeout(done));

describe('the gate', () => {
  it('asks for the password of a link, and tries again with it', async () => {
    const s = scene('link.x');
    s.error('password_needed');
    s.error('unauthenticated'); // how the server closes then
    s.error('password_needed');
    expect(s.did).toEqual(['ask']);
    s.answer()?.give('open');
    await settled();
    s.error('password_wrong');
    expect(s.did).toEqual(['ask', 'reconnect', 'ask again']);
    s.answer()?.fail();
    await settled();
    expect(s.did.slice(3)).toEqual(['disconnect', 'password false 2']);
  });

  it('says that the board does not know who comes with nothing', () => {
    const s = scene(undefined);
    s.status.connection = 'closed';
    s.error('unauthenticated');
    expect(s.did).toEqual(['disconnect', 'unknown false 2']);
  });

  it('does not try for ever with what is not accepted any more', () => {
    const s = scene('old');
    s.status.synced = true;
    s.error('unauthenticated');
    expect(s.did).toEqual(['disconnect', 'ended true 2']);
  });

  it('says that somebody has no access, when that is final', () => {
    const s = scene('t');
    s.error('forbidden'); // of a message, not of the board
    expect(s.did).toEqual([]);
    s.status.connection = 'closed';
    s.error('forbidden');
    expect(s.did).toEqual(['disconnect', 'forbidden false 2']);
  });

  it('says that a board was deleted', () => {
    const s = scene('t');
    s.status.synced = true;
    s.error('deleted');
    expect(s.did).toEqual(['disconnect', 'deleted true 2']);
  });

  it('leaves all other troubles to others', () => {
    const s = scene('t');
    for (const code of ['connection_lost', 'token_failed', 'replaced']) s.error(code);
    expect(s.did).toEqual([]);
  });
});
