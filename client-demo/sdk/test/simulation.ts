/**
 * A seeded world of several SDK replicas, a network that delays, breaks and reconnects, and one server behind an oracle.
 *
 * Every queue is first in, first out, and a random scheduler decides who moves next, so every delay and interleaving that real
 * connections have can happen. At the end all is quiet, and every replica must equal the oracle's state, byte for byte.
 */
import { encodeOps, encodeValue } from '../src/codec/frame.js';
import { CanvasError } from '../src/errors.js';
import type { Batch } from '../src/pending.js';
import type { Commit, Commits, Position, ServerMessage, WireObject } from '../src/protocol.js';
import { Replica } from '../src/replica.js';
import { Sync } from '../src/sync.js';
import { slotOf } from '../src/value.js';
import { copied, type Oracle } from './fake-server.js';
import { botOps, randomOps } from './random-ops.js';
import { Random } from './random.js';
import { welcome } from './world.js';

/** What a client says here; `hello` carries only what matters. */
type Upstream = { t: 'hello'; position: Position | undefined } | { t: 'batch'; cid: number; body: Uint8Array | string };

/** The server's end of a connection. */
interface Session {
  /** The last commit that was put into the queue to the client. */
  sent: number;
  /** Snapshot chunks that are still to be sent. */
  chunks: ServerMessage[];
  /** The outbox is full: nothing is sent until the session is brought back by a new welcome. */
  isLagging: boolean;
}

interface Client {
  readonly author: string;
  readonly sync: Sync;
  up: Upstream[];
  down: ServerMessage[];
  session: Session | undefined;
  isConnected: boolean;
  /** Every batch that was ever made here. */
  readonly made: Set<Batch>;
  /** The cids whose refusal the application was told of. */
  readonly refused: Set<number>;
  /** The cids that were under way once more when the server lost its history: whatever it had answered, it may now take them. */
  readonly again: Set<number>;
}

interface Submission {
  readonly author: string;
  readonly cid: number;
  readonly body: Uint8Array | string;
}

/** What happened in a run, to see that the faults do occur. */
export interface Counts {
  commits: number;
  refused: number;
  temporary: number;
  gaps: number;
  dropped: number;
  repeats: number;
  deltas: number;
  snapshots: number;
  heals: number;
  undos: number;
}

const BOT = 'bm90LWEtdXN'.slice(0, 10) + 'A';

export class Simulation {
  readonly counts: Counts = { commits: 0, refused: 0, temporary: 0, gaps: 0, dropped: 0, repeats: 0, deltas: 0, snapshots: 0, heals: 0, undos: 0 };
  private readonly random: Random;
  private readonly clients: Client[];
  private commits: Commit[] = [];
  private ids: string[] = [];
  /** What led to each commit, to be done again after a heal. */
  private submissions: Submission[] = [];
  private epoch = 1;
  private saved = 0;
  private now = 0;
  private botCid = 0;
  /** By commit id: the last cid of each author in the history that ends there. */
  private readonly histories = new Map<string, ReadonlyMap<string, number>>();
  private readonly dropped = new Set<string>();

  constructor(
    private readonly seed: number,
    private readonly oracle: Oracle,
  ) {
    this.random = new Random(seed * 7919 + 1);
    this.clients = Array.from({ length: 2 + this.random.below(3) }, (_, i) => this.newClient(`Y2xpZW50LW${'ABCD'.charAt(i)}`.padEnd(10, 'w') + 'A'));
  }

  /** @returns why the run failed; undefined when it did not */
  run(): string | undefined {
    this.oracle.reset(this.seed);
    const steps = 60 + this.random.below(240);
    for (let i = 0; i < steps; i += 1) {
      this.step();
      const wrong = this.wrongPicture();
      if (wrong !== undefined) return `step ${i}: ${wrong}`;
    }
    this.quiet();
    return this.wrongPicture() ?? this.difference();
  }

  // --- The scheduler ---

  private step(): void {
    this.now += this.random.below(20);
    const client = this.random.pick(this.clients);
    const dice = this.random.next();
    if (dice < 0.25) this.edit(client);
    else if (dice < 0.30) this.undo(client);
    else if (dice < 0.45) this.flush(client);
    else if (dice < 0.65) this.toServer(client);
    else if (dice < 0.88) for (let n = this.random.below(5); n >= 0; n -= 1) this.toClient(client);
    else if (dice < 0.91) this.connect(client);
    else if (dice < 0.925) this.disconnect(client);
    else if (dice < 0.955) this.save(this.saved + this.random.below(this.commits.length - this.saved + 1));
    else if (dice < 0.97) this.bot();
    else if (dice < 0.985) this.lag(client);
    else if (dice < 0.99) this.heal();
    else this.gesture(client);
  }

  /** No more faults: everybody connects, and everything that is under way arrives. */
  private quiet(): void {
    for (const client of this.clients) {
      client.sync.endGesture();
      this.connect(client);
    }
    for (let round = 0; round < 10_000; round += 1) {
      this.now += 1_000;
      for (const client of this.clients) {
        if (client.session?.isLagging === true) this.revive(client);
        this.flush(client);
        while (client.up.length > 0) this.toServer(client, true);
        while (client.down.length > 0 || (client.session?.chunks.length ?? 0) > 0) this.toClient(client);
      }
      this.save(this.commits.length);
      if (this.clients.every(({ up, down, sync }) => up.length === 0 && down.length === 0 && sync.pending.all.length === 0)) return;
    }
  }

  // --- Clients ---

  private newClient(author: string): Client {
    const fail = (error: CanvasError): never => {
      throw error;
    };
    const refused = new Set<number>();
    const sync = new Sync(60, { changed: () => {}, rejected: ({ cid }) => void refused.add(cid ?? 0), installed: () => {}, violated: fail });
    return { author, sync, up: [], down: [], session: undefined, isConnected: false, made: new Set(), refused, again: new Set() };
  }

  private edit({ sync }: Client): void {
    try {
      sync.batch(randomOps(this.random, sync.replica.view), { undo: this.random.chance(0.9), durable: this.random.chance(0.1) });
    } catch (error) {
      // The rules forbid it in this state; an ordinary thing for random ops.
      if (!(error instanceof CanvasError)) throw error;
    }
  }

  private undo({ sync }: Client): void {
    this.counts.undos += 1;
    if (this.random.chance(0.6)) sync.undo();
    else sync.redo();
  }

  private gesture({ sync }: Client): void {
    if (sync.undoing.isInGesture) sync.endGesture();
    else sync.beginGesture();
  }

  private flush(client: Client): void {
    if (!client.isConnected) return;
    for (const { cid, body } of client.sync.take(this.now)) client.up.push({ t: 'batch', cid, body });
  }

  private toClient(client: Client): void {
    const { session } = client;
    if (session !== undefined && session.chunks.length > 0 && this.random.chance(0.5)) client.down.push(session.chunks.shift() as ServerMessage);
    const message = client.down.shift();
    if (message === undefined) return;
    const { sync } = client;
    switch (message.t) {
      case 'welcome':
        return sync.welcome(message);
      case 'snapshot':
        return sync.snapshot(message);
      case 'commits':
      case 'ack':
      case 'reject':
      case 'gap':
      case 'saved':
        return sync.receive(message, this.now);
      default:
        throw new Error(`the simulation does not know ${message.t}`);
    }
  }

  private connect(client: Client): void {
    if (client.isConnected) return;
    client.isConnected = true;
    client.up = [{ t: 'hello', position: client.sync.position }];
    client.down = [];
  }

  private disconnect(client: Client): void {
    if (!client.isConnected) return;
    client.isConnected = false;
    client.session = undefined;
    // What has left may still arrive: at the server, not at the client. The connection is known to be gone only afterwards.
    for (let n = this.random.below(client.up.length + 1); n > 0; n -= 1) {
      const message = client.up.shift();
      if (message?.t === 'batch') this.submit(message.cid, message.body, client.author, undefined);
    }
    client.up = [];
    client.down = [];
    client.sync.lost();
  }

  // --- The server ---

  private toServer(client: Client, isCalm = false): void {
    const message = client.up.shift();
    if (message === undefined) return;
    if (message.t === 'hello') return this.welcome(client, message.position);
    if (!isCalm && this.random.chance(0.08)) {
      this.counts.temporary += 1;
      this.send(client, { t: 'reject', cid: message.cid, kind: 'temporary', code: 'overloaded', message: '', retry_ms: this.random.below(50) });
      // The server refuses before it counts: a repeat or a batch behind a gap may be refused like this as well.
      return;
    }
    const name = `${client.author} ${message.cid} ${this.epoch}`;
    if (!isCalm && client.up.some(({ t }) => t === 'batch') && !this.dropped.has(name) && this.random.chance(0.15)) {
      // Lost on its way inside the server; the next one will show the gap.
      this.dropped.add(name);
      this.counts.dropped += 1;
      return;
    }
    this.submit(message.cid, message.body, client.author, client);
  }

  private submit(cid: number, body: Uint8Array | string, author: string, client: Client | undefined): void {
    const answer = this.oracle.submit(author, cid, body);
    if (answer.gap !== undefined) this.counts.gaps += 1;
    if (answer.reject !== undefined) this.counts.refused += 1;
    if (answer.ack !== undefined && answer.commits === undefined) this.counts.repeats += 1;
    if (answer.commits !== undefined) this.committed(answer.commits, { author, cid, body });
    const message = answer.reject ?? answer.gap ?? answer.ack;
    if (client !== undefined && message !== undefined) this.send(client, message);
  }

  private committed({ seq, commits }: Commits, submission: Submission): void {
    const [commit] = commits;
    if (seq !== this.commits.length + 1 || commit === undefined || commits.length !== 1) {
      throw new Error(`the oracle answered with commit ${seq} × ${commits.length} after ${this.commits.length}`);
    }
    this.commits.push(commit);
    this.ids.push(`${this.epoch}.${seq}`);
    this.histories.set(`${this.epoch}.${seq}`, new Map([...(this.histories.get(this.ids[seq - 2] ?? '') ?? []), [commit[0], commit[1]]]));
    this.submissions.push(submission);
    this.counts.commits += 1;
    for (const client of this.clients) this.sendCommits(client, seq, seq);
  }

  /** Somebody with another SDK, who writes values that JavaScript cannot. */
  private bot(): void {
    this.botCid += 1;
    this.submit(this.botCid, encodeOps(botOps(this.random), 32), BOT, undefined);
  }

  private positionAt(seq: number): Position {
    return { epoch: this.epoch, seq, id: this.ids[seq - 1] ?? '' };
  }

  /** The highest cid of an author in the first `seq` commits. */
  private lastCid(author: string, seq: number): number {
    return this.commits.slice(0, seq).reduce((last, commit) => (commit[0] === author ? commit[1] : last), 0);
  }

  private welcome(client: Client, held: Position | undefined): void {
    const seq = this.commits.length;
    const isDelta = held !== undefined && held.seq <= seq && held.id === this.positionAt(held.seq).id && this.random.chance(0.8);
    this.counts[isDelta ? 'deltas' : 'snapshots'] += 1;
    client.session = { sent: isDelta ? held.seq : seq, chunks: [], isLagging: false };
    client.down.push(
      copied(
        welcome({
          author: client.author,
          position: this.positionAt(seq),
          saved_seq: this.saved,
          last: this.lastCid(client.author, seq),
          saved: this.lastCid(client.author, this.saved),
          sync: isDelta ? 'delta' : 'snapshot',
        }),
      ),
    );
    if (!isDelta) client.session.chunks = this.chunks();
    while (client.session.sent < seq) this.sendCommits(client, client.session.sent + 1, Math.min(seq, client.session.sent + 1 + this.random.below(4)));
  }

  private chunks(): ServerMessage[] {
    const rest: WireObject[] = [...this.oracle.state().objects];
    const chunks: ServerMessage[] = [];
    do {
      const objects = rest.splice(0, 1 + this.random.below(4));
      chunks.push(copied({ t: 'snapshot' as const, n: chunks.length, last: rest.length === 0, objects }));
    } while (rest.length > 0);
    return chunks;
  }

  private sendCommits(client: Client, from: number, to: number): void {
    const { session } = client;
    if (session === undefined || session.isLagging || session.sent !== from - 1) return;
    session.sent = to;
    const commits = this.commits.slice(from - 1, to);
    client.down.push(copied({ t: 'commits' as const, seq: from, id: this.positionAt(to).id, commits }));
  }

  private send(client: Client, message: ServerMessage): void {
    if (client.session !== undefined && !client.session.isLagging) client.down.push(copied(message));
  }

  private save(seq: number): void {
    if (seq <= this.saved) return;
    this.saved = seq;
    for (const client of this.clients) {
      this.send(client, { t: 'saved', cid: this.lastCid(client.author, seq), seq });
    }
  }

  private lag(client: Client): void {
    if (client.session === undefined) return;
    if (client.session.isLagging) this.revive(client);
    else client.session.isLagging = true;
  }

  /** Brings a session back on the same socket, from where its queue stopped, or by a snapshot. */
  private revive(client: Client): void {
    const { session } = client;
    if (session === undefined) return;
    // Chunks that were not sent leave the client without a position that a delta could start from.
    this.welcome(client, session.chunks.length > 0 ? undefined : this.positionAt(session.sent));
  }

  /** The hot state is lost back to some commit that is at least the watermark; from there another history begins. */
  private heal(): void {
    this.counts.heals += 1;
    const kept = this.saved + this.random.below(this.commits.length - this.saved + 1);
    const replayed = this.submissions.slice(0, kept);
    const keptIds = this.ids.slice(0, kept);
    const sent = this.clients.map(({ session }) => session);
    for (const client of this.clients) {
      client.session = undefined;
      for (const message of client.up) if (message.t === 'batch' && typeof message.body !== 'string') client.again.add(message.cid);
    }
    this.oracle.reset(this.seed);
    [this.commits, this.ids, this.submissions] = [[], [], []];
    for (const { author, cid, body } of replayed) this.submit(cid, body, author, undefined);
    this.counts.commits -= kept;
    if (this.commits.length !== kept) throw new Error(`the oracle made ${this.commits.length} commits of what were ${kept}`);
    this.ids = keptIds;
    this.epoch += 1;
    this.botCid = this.lastCid(BOT, kept);
    this.clients.forEach((client, i) => {
      const session = sent[i];
      if (session === undefined) return;
      const canContinue = session.chunks.length === 0 && session.sent <= kept;
      this.welcome(client, canContinue ? this.positionAt(session.sent) : undefined);
    });
  }

  // --- The verdict ---

  /** Every client must show its server state with exactly those batches on top that this state does not hold. */
  private wrongPicture(): string | undefined {
    for (const { author, sync, made } of this.clients) {
      for (const batch of sync.pending.all) made.add(batch);
      const held = this.histories.get(sync.position?.id ?? '')?.get(author) ?? 0;
      const wanted = new Replica();
      wanted.reset([...sync.replica.confirmed.values()].map(({ id, rev, props }): WireObject => [id, rev, props]));
      for (const batch of made) {
        if (batch.answer !== 'refused' && !(batch.cid !== undefined && batch.cid <= held)) wanted.lay(batch);
      }
      wanted.rebase(new Set());
      const [a, b] = [sync.replica.view, wanted.view].map((view) => described([...view.values()].map(({ id, rev, props }): WireObject => [id, rev, props])));
      if (a !== b) return `${author} shows\n${a}\ninstead of\n${b}`;
    }
    return undefined;
  }

  private difference(): string | undefined {
    const state = this.oracle.state();
    const wanted = described(state.objects);
    if (state.position.seq !== this.commits.length) return `the oracle is at ${state.position.seq}, its commits end at ${this.commits.length}`;
    for (const { author, sync, refused, again } of this.clients) {
      const { replica, pending, position } = sync;
      const undead = this.commits.find((commit) => commit[0] === author && refused.has(commit[1]) && !again.has(commit[1]) && commit[3] === undefined);
      if (undead !== undefined) return `batch ${undead[1]} of ${author} was reported as refused and then took effect`;
      if (pending.all.length > 0) return `${author} still has ${pending.all.length} pending batches`;
      if (position?.seq !== this.commits.length) return `${author} is at ${position?.seq}, the server at ${this.commits.length}`;
      const last = this.lastCid(author, this.commits.length);
      if ((state.last[author] ?? 0) !== last) return `the oracle knows cid ${state.last[author]} of ${author}, its commits ${last}`;
      for (const [name, map] of [['confirmed', replica.confirmed], ['view', replica.view]] as const) {
        const found = described([...map.values()].map(({ id, rev, props }): WireObject => [id, rev, props]));
        if (found !== wanted) return `${author}: ${name} is\n${found}\nthe server has\n${wanted}`;
      }
      const order = replica.ordered().map(({ id }) => id);
      if (order.length !== replica.view.size || new Set(order).size !== order.length) return `${author}: the drawing order has ${order.join(' ')}`;
    }
    return undefined;
  }
}

/** Objects as text that differs when any byte of any value does; the order of objects and of properties does not count. */
function described(objects: readonly WireObject[]): string {
  return objects
    .map(([id, rev, props]) => {
      const values = Object.keys(props).sort().map((name) => `${name}=${hexOf(props, name)}`);
      return `${id}@${rev} ${values.join(' ')}`;
    })
    .sort()
    .join('\n');
}

/** One property's bytes, exact ones where it has them. */
function hexOf(props: WireObject[2], name: string): string {
  const slot = slotOf(props, name);
  return Buffer.from(slot?.bytes ?? encodeValue(slot?.value)).toString('hex');
}
