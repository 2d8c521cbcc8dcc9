/**
 * A seeded world of whole canvases on flaky sockets: connections break and open late, what was sent on a broken one is lost or still arrives, twice or after what
 * came by the next one, tokens end, come late, again or not at all, and roles fall and rise. Where `simulation.ts` tries every interleaving of one client's messages, this one has the
 * canvas as applications use it, with its timers, its back-off and its token provider.
 */
import type { Canvas } from '../src/canvas.js';
import { encodeOps } from '../src/codec/frame.js';
import { connect } from '../src/connect.js';
import type { ClientMessage, Commit, Role, ServerMessage } from '../src/protocol.js';
import { FakeServer } from './fake-server.js';
import { noFaults } from './flaky-faults.js';
import { FlakyTokens } from './flaky-tokens.js';
import { Random } from './random.js';
import { welcome, World, type FakeSocket } from './world.js';

/** The server's end of a connection, which may outlive the client's. */
interface Line {
  readonly socket: FakeSocket;
  readonly person: Person;
  /** What the client has sent and has not arrived. */
  readonly up: ClientMessage[];
  /** The last commit that was sent; undefined before the greeting. */
  sent: number | undefined;
  token: string;
  /** When access ends. */
  endsAt: number;
}

interface Person {
  readonly name: string;
  readonly canvas: Canvas;
  /** What this person has added to the counter, in edits that were not refused. */
  added: number;
  role: Role;
}

/** How deep values may be nested. */
const DEPTH = 32;
const STEPS = 120;
/** Milliseconds of the world's time in which all must have come together, once nothing breaks any more. */
const CALM_MS = 300_000;
const TOKEN_EXPIRED = 4401;
/** The server says so long before that access ends. */
const WARNED_MS = 60_000;

export class Flaky {
  readonly faults = noFaults();
  private readonly random: Random;
  private readonly world = new World();
  private readonly tokens: FlakyTokens;
  private readonly server = new FakeServer();
  private readonly commits: Commit[] = [];
  private readonly people: Person[];
  private lines: Line[] = [];
  private saved = 0;
  private isCalm = false;
  private wrong: string | undefined;

  constructor(seed: number) {
    this.random = new Random(seed * 104_729 + 7);
    this.tokens = new FlakyTokens(this.random, this.world, this.faults);
    this.server.submit('setup', 1, encodeOps([{ op: 'create', id: 'counter', props: { n: 0 } }], DEPTH));
    this.commits.push(['setup', 1, [['put', 'counter', { n: 0 }]]]);
    this.people = ['ana', 'bo', 'cy'].slice(0, 2 + this.random.below(2)).map((name) => this.join(name));
  }

  /** @returns why the run failed; undefined when it did not */
  async run(): Promise<string | undefined> {
    for (let step = 0; step < STEPS; step += 1) {
      this.step();
      await settled();
    }
    this.isCalm = this.tokens.isCalm = true;
    for (let passed = 0; passed < CALM_MS; passed += 500) {
      this.world.pass(500);
      this.greetAll();
      this.watchTokens();
      for (const line of this.lines) while (line.up.length > 0) this.arrive(line);
      this.save(this.commits.length);
      await settled();
      if (this.people.every(({ canvas: { status } }) => status.connection === 'online' && status.synced && status.unsaved === 0)) break;
    }
    return this.verdict();
  }

  private join(name: string): Person {
    const { world } = this;
    const person: { name: string; canvas: Canvas; added: number; role: Role } = { name, canvas: undefined as unknown as Canvas, added: 0, role: 'editor' };
    const flaky = this;
    const WebSocket = class extends (world.WebSocket as unknown as new (url: string, protocol: string) => FakeSocket) {
      constructor(url: string, protocol: string) {
        super(url, protocol);
        flaky.lines.push({ socket: this, person, up: [], sent: undefined, token: '', endsAt: Infinity });
      }
    };
    person.canvas = connect({
      url: 'ws://h/v1/projects/p/ws',
      clientId: name,
      WebSocket: WebSocket as unknown as typeof globalThis.WebSocket,
      runtime: { now: world.now, random: () => this.random.next(), randomId: world.randomId, timer: world.timer },
      token: () => this.tokens.give(),
    });
    person.canvas.on('rejected', ({ ops }) => {
      for (const op of ops) if (op.op === 'increment') person.added -= Number(op.by);
    });
    return person;
  }

  private step(): void {
    const { random } = this;
    this.world.pass(random.below(400));
    this.greetAll();
    this.watchTokens();
    const person = random.pick(this.people);
    const dice = random.next();
    if (dice < 0.4) this.edit(person);
    else if (dice < 0.75) this.deliver();
    else if (dice < 0.9) this.cut(person);
    else if (dice < 0.93) this.changeRole(person);
    else this.save(this.saved + random.below(this.commits.length - this.saved + 1));
  }

  private edit(person: Person): void {
    const { random } = this;
    const amount = 1 + random.below(9);
    const { canvas } = person;
    if (canvas.role === 'viewer') return;
    canvas.batch((tx) => {
      tx.create({ by: person.name, amount });
      // Before the first sync nobody knows whether there is a counter: the server does.
      tx.increment('counter', 'n', amount);
    });
    person.added += amount;
    if (random.chance(0.1)) canvas.presence.set({ cursor: [amount, amount] });
  }

  /** Some of what is under way arrives, on connections that are known to be broken as well. */
  private deliver(): void {
    for (const line of this.lines) {
      line.up.push(...line.socket.take());
      for (let n = this.random.below(4); n > 0 && line.up.length > 0; n -= 1) this.arrive(line);
    }
  }

  private arrive(line: Line): void {
    const [message] = line.up;
    if (message === undefined) return;
    // Sent again by something on the way.
    if (!this.isCalm && this.random.chance(0.05)) this.faults.twice += 1;
    else line.up.shift();
    if (line.socket.readyState !== 1) this.faults.late += Number(message.t === 'batch');
    if (message.t === 'hello') return this.greet(line, message.position?.seq, message.token ?? '');
    if (message.t === 'token') return this.renew(line, message.token);
    if (message.t === 'ping') return this.say(line, { t: 'pong', n: message.n, seq: this.commits.length });
    if (message.t !== 'batch') return;
    if (line.person.role === 'viewer') {
      this.faults.forbidden += 1;
      return this.say(line, { t: 'reject', cid: message.cid, kind: 'forbidden', code: 'forbidden', message: '' });
    }
    const { ack, reject, gap, commits } = this.server.submit(line.person.name, message.cid, message.ops === undefined ? (message.void ?? '') : encodeOps(message.ops, DEPTH));
    if (commits !== undefined) {
      this.commits.push(...commits.commits);
      this.faults.commits += 1;
      for (const other of this.lines) this.tell(other);
    }
    const answer = ack ?? reject ?? gap;
    if (answer !== undefined) this.say(line, answer);
  }

  /** A token that came twice by the doings of the network is none that was sent twice. */
  private renew(line: Line, token: string): void {
    if (token === line.token && this.faults.twice === 0) this.wrong = `${line.person.name} has sent ${token} twice`;
    this.faults.renewed += 1;
    line.token = token;
    line.endsAt = this.tokens.end();
    this.say(line, { t: 'token', expires_ms: this.left(line) });
  }

  private left({ endsAt }: Line): number | null {
    return endsAt === Infinity ? null : endsAt - this.world.time;
  }

  /** The server warns of the end of access, and ends it. */
  private watchTokens(): void {
    for (const line of this.lines) {
      if (line.sent === undefined || line.socket.readyState !== 1) continue;
      if (line.endsAt <= this.world.time) this.expire(line);
      else if (line.endsAt - this.world.time <= WARNED_MS && this.random.chance(0.1)) this.say(line, { t: 'token', expires_ms: this.left(line) });
    }
  }

  private expire(line: Line): void {
    this.faults.expired += 1;
    line.sent = undefined;
    line.socket.drop(TOKEN_EXPIRED);
  }

  /** A role changes while nothing of this person is under way: whoever changes it is slower than the network. */
  private changeRole(person: Person): void {
    const own = this.lines.filter((line) => line.person === person);
    for (const { socket, up } of own) up.push(...socket.take());
    if (own.some(({ up }) => up.length > 0)) return;
    person.role = person.role === 'viewer' ? 'editor' : 'viewer';
    for (const line of own) if (line.sent !== undefined) this.say(line, { t: 'permission', role: person.role });
  }

  private greet(line: Line, held: number | undefined, token: string): void {
    if (!this.isCalm && this.random.chance(0.1)) return this.expire(line);
    const { name, role } = line.person;
    [line.token, line.endsAt] = [token, this.tokens.end()];
    const isDelta = held !== undefined && this.random.chance(0.8);
    const at = isDelta ? held : this.commits.length;
    this.say(line, welcome({
      author: name, position: this.positionAt(isDelta ? this.commits.length : at), saved_seq: this.saved,
      last: this.lastCid(name, this.commits.length), saved: this.lastCid(name, this.saved), sync: isDelta ? 'delta' : 'snapshot',
      role,
    }));
    this.say(line, { t: 'token', expires_ms: this.left(line) });
    if (!isDelta) this.say(line, { t: 'snapshot', n: 0, last: true, objects: [...this.server.state().objects] });
    line.sent = at;
    this.tell(line);
  }

  /** The commits that a session lacks. */
  private tell(line: Line): void {
    if (line.sent === undefined || line.sent === this.commits.length) return;
    const seq = line.sent + 1;
    line.sent = this.commits.length;
    this.say(line, { t: 'commits', seq, id: this.positionAt(this.commits.length).id, commits: this.commits.slice(seq - 1) });
  }

  private save(seq: number): void {
    this.saved = Math.max(this.saved, seq);
    for (const line of this.lines) {
      if (line.sent !== undefined) this.say(line, { t: 'saved', cid: this.lastCid(line.person.name, this.saved), seq: this.saved });
    }
  }

  private say(line: Line, message: ServerMessage): void {
    if (line.socket.readyState === 1) line.socket.say(message);
  }

  /** Sockets that were opened meanwhile connect, or do not. */
  private greetAll(): void {
    for (const { socket, up } of [...this.lines]) {
      if (socket.readyState === 0 && (this.isCalm || this.random.chance(0.6))) socket.open();
      up.push(...socket.take());
    }
    this.lines = this.lines.filter(({ socket, up }) => socket.readyState !== 3 || up.length > 0);
  }

  private cut(person: Person): void {
    const line = this.lines.filter((one) => one.person === person && one.socket.readyState !== 3).at(-1);
    if (line === undefined) return;
    this.faults.broken += 1;
    line.up.push(...line.socket.take());
    // The beginning of what was under way may still arrive.
    if (this.random.chance(0.7)) this.faults.lost += line.up.splice(this.random.below(line.up.length + 1)).length;
    line.sent = undefined;
    line.socket.drop(this.random.pick([1006, 1001, 4412, 4500]));
  }

  private positionAt(seq: number): { epoch: number; seq: number; id: string } {
    return { epoch: 1, seq, id: `fake${seq}` };
  }

  private lastCid(author: string, seq: number): number {
    return this.commits.slice(0, seq).reduce((last, [name, cid]) => (name === author ? cid : last), 0);
  }

  private verdict(): string | undefined {
    if (this.wrong !== undefined) return this.wrong;
    const { objects } = this.server.state();
    const wanted = describeAll(objects.map(([id, , props]) => ({ id, props })));
    for (const { name, canvas } of this.people) {
      const { connection, unsent, unsaved } = canvas.status;
      if (connection !== 'online' || unsent + unsaved > 0) return `${name} is ${connection}, ${unsent} unsent, ${unsaved} unsaved`;
      const has = describeAll([...canvas.objects.values()]);
      if (has !== wanted) return `${name} has ${has}, the server ${wanted}`;
    }
    const added = this.people.reduce((sum, person) => sum + person.added, 0);
    const counter = objects.find(([id]) => id === 'counter')?.[2]['n'];
    return counter === added ? undefined : `the counter is ${String(counter)}, ${added} were added`;
  }
}

const describeAll = (objects: readonly { id: string; props: object }[]): string =>
  JSON.stringify(objects.map(({ id, props }) => [id, Object.entries(props).sort()]).sort());

/** Lets promises go on. */
async function settled(): Promise<void> {
  for (let i = 0; i < 6; i += 1) await Promise.resolve();
}
