/** The multiplexer against a model of the server, in random order, over a connection that takes its time and breaks. */
import { describe, expect, it } from 'vitest';
import { closeRule } from '../src/close.js';
import { address, closeFrame, frameAround, readFrame, textOf, utf8 } from '../src/shared/codec.js';
import { Multiplexer, type MultiplexerEffect, type MultiplexerInput } from '../src/shared/multiplexer.js';
import { Random } from './random.js';

const ENDS = [1000, 1001, 1006, 1009, 1011, 1012, 4400, 4500];
const CLOSES = [1000, 1012, 4401, 4403, 4409, 4412, 4413];

/** An `expect` for what is asked a million times. */
function check(isSo: boolean, what: string): void {
  if (!isSo) throw new Error(what);
}

/** A socket of a page: what it was told, and what it did. */
interface Page {
  readonly name: string;
  state: 'opening' | 'open' | 'closing' | 'closed' | 'alone' | 'gone';
  /** Messages so far: it sends and expects the numbers from 1. */
  sent: number;
  heard: number;
}

/** What the server knows of a channel. */
interface Session {
  readonly project: string;
  heard: number;
  said: number;
  isEnding: boolean;
}

class Model {
  readonly machine = new Multiplexer<Page>();
  readonly pages: Page[] = [];
  readonly random: Random;
  now = 0;
  socket: 'none' | 'connecting' | 'open' = 'none';
  /** The server's side of the present socket. */
  sessions = new Map<number, Session>();
  up: Uint8Array<ArrayBuffer>[] = [];
  down: Uint8Array<ArrayBuffer>[] = [];
  /** Codes that the server has meant for one channel, by project. */
  readonly verdicts = new Map<string, number>();
  readonly counts = { connects: 0, opened: 0, messages: 0, alone: 0, ends: 0 };

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  input(input: MultiplexerInput<Page>): void {
    for (const effect of this.machine.on(this.now, input)) this.perform(effect);
  }

  perform(effect: MultiplexerEffect<Page>): void {
    switch (effect.do) {
      case 'connect':
        check(this.socket === 'none', 'two sockets');
        this.socket = 'connecting';
        this.counts.connects += 1;
        return;
      case 'disconnect':
        check(this.socket !== 'none', 'closes what is not there');
        return this.cut();
      case 'send':
        check(this.socket === 'open', 'sends before it is open');
        this.up.push(effect.frame.slice());
        return;
      case 'opened':
        check(effect.key.state === 'opening' && effect.protocol === 'x', 'opened twice');
        effect.key.state = 'open';
        this.counts.opened += 1;
        return;
      case 'message':
        check(effect.key.state === 'open', 'a message to one that is not open');
        check(textOf(effect.data) === `${effect.key.name} ${effect.key.heard += 1}`, 'the order of messages');
        this.counts.messages += 1;
        return;
      case 'closed':
        check(['opening', 'open', 'closing'].includes(effect.key.state), 'closed twice');
        check(closeRule(effect.code).action.startsWith('retry') || this.verdicts.get(effect.key.name) === effect.code, 'a verdict on another');
        effect.key.state = 'closed';
        return;
      case 'alone':
        check(effect.key.state === 'opening', 'alone in the middle');
        effect.key.state = 'alone';
        this.counts.alone += 1;
        if (effect.isTrial && this.random.chance(0.3)) this.input({ on: 'alone_worked' });
    }
  }

  cut(): void {
    this.socket = 'none';
    [this.sessions, this.up, this.down] = [new Map(), [], []];
  }

  end(code: number): void {
    this.cut();
    this.counts.ends += 1;
    this.input({ on: 'ended', code, reason: '' });
  }

  say(kind: 'o' | 'b' | 't', channel: number, text: string): void {
    this.down.push(address(frameAround(utf8(text)), kind, channel));
  }

  closeChannel(channel: number, code: number): void {
    const session = this.sessions.get(channel);
    if (session === undefined) return;
    this.verdicts.set(session.project, code);
    this.sessions.delete(channel);
    this.down.push(closeFrame(channel, code, ''));
  }

  /** The server takes in the next frame. */
  serve(): void {
    const frame = this.up.shift();
    const read = frame && readFrame(frame);
    if (read === undefined) return;
    const { kind, channel, payload } = read;
    const session = this.sessions.get(channel);
    if (kind === 'o') {
      check(session === undefined, 'a channel that is in use');
      const [project = '', protocols] = textOf(payload).split(' ');
      check(protocols === 'x,y', 'other protocols');
      this.sessions.set(channel, { project, heard: 0, said: 0, isEnding: false });
      if (this.random.chance(0.1)) this.closeChannel(channel, this.random.pick(CLOSES));
      else this.say('o', channel, 'x');
    } else if (session !== undefined && kind === 'c') {
      session.isEnding = true;
    } else if (session !== undefined) {
      check(!session.isEnding, 'a message after the close');
      check(textOf(payload) === `${session.project} ${session.heard += 1}`, 'the order at the server');
      check(kind === (session.heard % 2 === 0 ? 't' : 'b'), 'binary and text');
    }
  }

  /** Something happens. @param isCalm nothing new, nothing bad: what is under way comes to its end */
  step(isCalm: boolean): void {
    const { random } = this;
    this.now += random.below(isCalm ? 400 : 60);
    const { deadline } = this.machine;
    if (deadline !== undefined && this.now >= deadline) this.input({ on: 'timer' });
    if (this.socket === 'connecting') {
      if (random.chance(isCalm ? 0 : 0.1)) this.end(1006);
      else if (random.chance(0.5)) {
        this.socket = 'open';
        this.input({ on: 'connected' });
      }
    }
    for (let i = random.below(4); i > 0; i -= 1) this.serve();
    for (let i = random.below(4); i > 0 && this.down.length > 0; i -= 1) this.input({ on: 'frame', bytes: this.down.shift() });
    for (const [channel, session] of this.sessions) {
      if (session.isEnding && random.chance(0.5)) this.closeChannel(channel, 1000);
      else if (!isCalm && random.chance(0.3)) this.say(random.pick(['b', 't']), channel, `${session.project} ${session.said += 1}`);
      else if (!isCalm && random.chance(0.02)) this.closeChannel(channel, random.pick(CLOSES));
    }
    if (isCalm) return;
    if (this.socket === 'open' && random.chance(0.01)) this.end(random.pick(ENDS));
    this.act();
  }

  /** A page does something. */
  act(): void {
    const { random } = this;
    if (this.pages.filter(({ state }) => state === 'opening' || state === 'open').length < 5 && random.chance(0.2)) {
      const page: Page = { name: `p${this.pages.length}`, state: 'opening', sent: 0, heard: 0 };
      this.pages.push(page);
      this.input({ on: 'open', key: page, project: page.name, protocols: ['x', 'y'] });
    }
    const page = this.pages.length === 0 ? undefined : random.pick(this.pages.slice(-8));
    if (page === undefined || page.state === 'alone' || page.state === 'gone') return;
    if (page.state === 'open' && random.chance(0.7)) {
      page.sent += 1;
      this.input({ on: 'send', key: page, isText: page.sent % 2 === 0, frame: frameAround(utf8(`${page.name} ${page.sent}`)) });
    } else if (random.chance(0.1)) this.leave(page);
  }

  leave(page: Page): void {
    if (this.random.chance(0.3)) {
      page.state = 'gone';
      this.input({ on: 'gone', key: page });
    } else if (page.state === 'opening' || page.state === 'open') {
      page.state = 'closing';
      this.input({ on: 'close', key: page, code: 1000, reason: '' });
    }
  }
}

describe('the multiplexer, whatever happens', () => {
  it('keeps order, says nothing after an end, and leaves nothing behind', () => {
    const total = { connects: 0, opened: 0, messages: 0, alone: 0, ends: 0 };
    for (let seed = 1; seed <= 150; seed += 1) {
      const model = new Model(seed);
      try {
        for (let i = 0; i < 400; i += 1) model.step(false);
        for (let i = 0; i < 60; i += 1) model.step(true);
        // Both sides agree on who is there.
        const open = model.pages.filter(({ state }) => state === 'open').map(({ name }) => name);
        expect([...model.sessions.values()].map(({ project }) => project).sort()).toEqual(open.sort());
        expect(model.pages.filter(({ state }) => state === 'opening' || state === 'closing')).toEqual([]);
        for (const page of model.pages) if (page.state === 'open') model.leave(page);
        for (let i = 0; i < 60; i += 1) model.step(true);
        expect([model.socket, model.sessions.size, model.machine.deadline]).toEqual(['none', 0, undefined]);
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
      for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += model.counts[key];
    }
    // It was not about nothing.
    expect(Math.min(total.connects / 100, total.opened / 1_000, total.messages / 10_000, total.alone / 100, total.ends / 100)).toBeGreaterThan(1);
  }, 60_000);
});
