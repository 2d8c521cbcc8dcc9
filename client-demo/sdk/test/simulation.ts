/**
 * A seeded world of several SDK replicas, a network that delays, breaks and reconnects, and one server behind an oracle.
 *
 * Every queue is first in, first out, and a random scheduler decides who moves next, so every delay and interleaving that real
 * connections have can happen. The server loses history that it had not saved, resubmits some of what it lost, greets from nodes that are behind,
 * and in some seeds breaks its promise. Tokens end, and roles fall and rise. At the end all is quiet; then `sim-verdict.ts` says what must be true.
 */
import { encodeOps } from '../src/codec/frame.js';
import type { Commit, Commits, Position, ServerMessage, WireObject } from '../src/protocol.js';
import { noCounts } from './counts.js';
import type { Oracle } from './fake-server.js';
import { botOps } from './random-ops.js';
import { Random } from './random.js';
import { chunksOf } from './sim-chunks.js';
import { SimClient } from './sim-client.js';
import type { Mistake } from './sim-mistake.js';
import type { Submission } from './sim-session.js';
import { lostWith, wrongEnd, wrongLoss, wrongPicture } from './sim-verdict.js';
import { welcome } from './world.js';

const BOT = 'bm90LWEtdXN'.slice(0, 10) + 'A';
/** One seed in so many breaks the promise. */
const BREACH = 8;
/** So many rounds are enough for everything that is under way, and for half a minute of doubt. */
const ROUNDS = 300;

export class Simulation {
  readonly counts = noCounts();
  private readonly random: Random;
  private readonly clients: SimClient[];
  private commits: Commit[] = [];
  private ids: string[] = [];
  /** What led to each commit, to be done again after a heal. */
  private submissions: Submission[] = [];
  private epoch = 1;
  private saved = 0;
  private now = 0;
  private botCid = 0;
  /** A page that has taken over cannot tell what of an earlier one's saved work a breach has lost. */
  private mayReload = true;
  /** By commit id: the last cid of each author in the history that ends there. */
  private readonly histories = new Map<string, ReadonlyMap<string, number>>();
  /** By commit id: the objects, as a snapshot that was made then has them. */
  private readonly pictures = new Map<string, readonly WireObject[]>([['', []]]);
  private readonly dropped = new Set<string>();

  constructor(
    private readonly seed: number,
    private readonly oracle: Oracle,
    mistake?: Mistake,
  ) {
    this.random = new Random(seed * 7919 + 1);
    this.clients = Array.from({ length: 2 + this.random.below(3) }, (_, i) => new SimClient('ABCD'.charAt(i), i === 1 ? 'json' : 'msgpack', mistake));
  }

  /** @returns why the run failed; undefined when it did not */
  run(): string | undefined {
    this.oracle.reset(this.seed);
    const steps = 60 + this.random.below(160);
    this.mayReload = this.seed % BREACH !== BREACH - 1;
    const breach = this.seed % BREACH === BREACH - 1 ? Math.floor(steps / 2) + this.random.below(Math.floor(steps / 2)) : -1;
    for (let i = 0; i < steps; i += 1) {
      if (i === breach) this.breach();
      const wrong = this.wrongPicture([this.step()]);
      if (wrong !== undefined) return `step ${i}: ${wrong}`;
    }
    this.quiet();
    return this.wrongPicture(this.clients) ?? this.difference();
  }

  // --- The scheduler ---

  /** @returns the only client whose picture may have changed */
  private step(): SimClient {
    this.now += this.random.below(20);
    const client = this.random.pick(this.clients);
    if (client.isConnected && client.access.hasEnded(this.random, this.now, this.counts)) this.disconnect(client);
    if (!client.access.mayEdit && this.random.chance(0.3)) this.changeRole(client);
    const dice = this.random.next();
    if (dice < 0.20) client.edit(this.random, this.now);
    else if (dice < 0.23) this.undo(client);
    else if (dice < 0.235) this.reload(client);
    else if (dice < 0.35) this.flush(client);
    else if (dice < 0.59) this.toServer(client);
    else if (dice < 0.84) for (let n = this.random.below(5); n >= 0; n -= 1) this.toClient(client);
    else if (dice < 0.90) this.connect(client);
    else if (dice < 0.92) this.disconnect(client);
    else if (dice < 0.935) this.save(this.saved + this.random.below(this.commits.length - this.saved + 1));
    else if (dice < 0.945) this.rewind();
    else if (dice < 0.955) this.bot();
    else if (dice < 0.965) this.lag(client);
    else if (dice < 0.975) this.heal();
    else if (dice < 0.98) this.photograph();
    else if (dice < 0.985) this.changeRole(client);
    else client.gesture();
    client.note();
    return client;
  }

  /** No more faults: everybody connects, and everything that is under way arrives. */
  private quiet(): void {
    for (const { sync } of this.clients) sync.endGesture();
    for (let round = 0; round < ROUNDS; round += 1) {
      this.now += 1_000;
      for (const client of this.clients) {
        client.connect();
        if (client.session?.isLagging === true) this.revive(client);
        this.catchUp(client);
        client.write(this.random);
        client.flush(this.now);
        while (client.up.length > 0) this.toServer(client, true);
        while (client.down.length > 0 || (client.session?.chunks.length ?? 0) > 0) this.toClient(client);
        if (!client.access.mayEdit) this.giveBack(client);
        client.note();
      }
      this.save(this.commits.length);
      if (this.clients.every(({ up, down, sync, isConnected }) => isConnected && up.length === 0 && down.length === 0 && sync.pending.all.length === 0)) return;
    }
  }

  private undo(client: SimClient): void {
    this.counts.undos += 1;
    client.undo(this.random, this.now);
  }

  /** Sends what may be sent; as a rule all is kept by then. */
  private flush(client: SimClient): void {
    if (this.random.chance(0.8)) client.write(this.random);
    client.flush(this.now);
  }

  /** What has left may still arrive, as with every broken connection. */
  private reload(client: SimClient): void {
    if (!this.mayReload) return;
    this.disconnect(client);
    this.counts.reloads += 1;
    this.counts.unwritten += client.reload(1 + this.counts.reloads * 1_000_000);
  }

  private toClient(client: SimClient): void {
    const { session } = client;
    if (session !== undefined && session.chunks.length > 0 && this.random.chance(0.5)) client.hear(session.chunks.shift() as ServerMessage);
    const before = client.losses.length;
    client.takeOne(this.now);
    this.counts.losses += client.losses.length - before;
  }

  private connect(client: SimClient): void {
    if (!client.isConnected && client.access.fetch(this.random, this.now, this.counts)) client.connect();
  }

  private disconnect(client: SimClient): void {
    if (!client.isConnected) return;
    // What has left may still arrive: at the server, not at the client. The connection is known to be gone only afterwards.
    client.session = undefined;
    for (let n = this.random.below(client.up.length + 1); n > 0; n -= 1) {
      const message = client.up.shift();
      if (message?.t === 'batch' && client.access.mayEdit) this.submit(message.cid, message.body, client.author, undefined);
    }
    client.leave();
  }

  // --- The server ---

  private toServer(client: SimClient, isCalm = false): void {
    const message = client.up.shift();
    if (message === undefined) return;
    if (message.t === 'hello') return this.welcome(client, message.position, !isCalm && this.random.chance(0.5));
    if (!isCalm && this.random.chance(0.08)) {
      this.counts.temporary += 1;
      this.send(client, { t: 'reject', cid: message.cid, kind: 'temporary', code: 'overloaded', message: '', retry_ms: this.random.below(50) });
      // The server refuses before it counts: a repeat or a batch behind a gap may be refused like this as well.
      return;
    }
    const name = `${client.name(message.cid)} ${this.epoch}`;
    if (!isCalm && client.up.some(({ t }) => t === 'batch') && !this.dropped.has(name) && this.random.chance(0.15)) {
      // Lost on its way inside the server; the next one will show the gap.
      this.dropped.add(name);
      this.counts.dropped += 1;
      return;
    }
    // Whatever a node answers, it has caught up before.
    this.catchUp(client);
    if (client.access.mayEdit) return this.submit(message.cid, message.body, client.author, client);
    this.counts.forbidden += 1;
    this.send(client, { t: 'reject', cid: message.cid, kind: 'forbidden', code: 'forbidden', message: '' });
  }

  private submit(cid: number, body: Uint8Array | string, author: string, client: SimClient | undefined): void {
    const answer = this.oracle.submit(author, cid, body);
    if (answer.gap !== undefined) this.counts.gaps += 1;
    if (answer.reject !== undefined && answer.commits !== undefined) this.counts.refused += 1;
    if (answer.gap === undefined && answer.commits === undefined) this.counts.repeats += 1;
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

  /** @param isStale by a node that does not know the latest commits yet, perhaps not even all that other nodes have called saved */
  private welcome(client: SimClient, held: Position | undefined, isStale = false): void {
    const { author } = client;
    const head = isStale ? this.random.below(this.commits.length + 1) : this.commits.length;
    const isDelta = held !== undefined && held.seq <= head && held.id === this.positionAt(held.seq).id && this.random.chance(0.8);
    const picture = isDelta ? undefined : this.picture(head);
    const target = picture?.seq ?? head;
    const session = { sent: isDelta ? held.seq : target, chunks: picture?.chunks ?? [], isLagging: false, isStale: head < this.commits.length };
    this.counts[isDelta ? 'deltas' : 'snapshots'] += 1;
    this.counts.older += Number(target < head);
    this.counts.stale += Number(session.isStale);
    client.session = session;
    client.hear(
      welcome({
        author,
        position: this.positionAt(target),
        saved_seq: Math.min(this.saved, head),
        last: this.lastCid(author, head),
        saved: this.lastCid(author, Math.min(this.saved, head)),
        sync: isDelta ? 'delta' : 'snapshot',
        role: client.access.role,
      }),
    );
    while (session.sent < head) this.sendCommits(client, session.sent + 1, Math.min(head, session.sent + 1 + this.random.below(4)), true);
    if (isDelta) return;
    for (const [name, cid, , code] of this.commits.slice(0, head)) {
      if (name === author && code !== undefined) client.hear({ t: 'reject', cid, kind: 'final', code, message: '' });
    }
  }

  /** A snapshot that leads to `head`: of that moment, or an older one. */
  private picture(head: number): { seq: number; chunks: ServerMessage[] } {
    if (head === this.commits.length && this.random.chance(0.6)) return { seq: head, chunks: chunksOf(this.photograph(), this.random) };
    let seq = head;
    while (!this.pictures.has(this.positionAt(seq).id)) seq -= 1;
    return { seq, chunks: chunksOf(this.pictures.get(this.positionAt(seq).id) ?? [], this.random) };
  }

  /** What a snapshot of this moment has. */
  private photograph(): readonly WireObject[] {
    const { objects } = this.oracle.state();
    if (this.commits.length > 0) this.pictures.set(this.positionAt(this.commits.length).id, objects);
    return objects;
  }

  private sendCommits(client: SimClient, from: number, to: number, isSync = false): void {
    const { session } = client;
    if (session === undefined || session.isLagging || session.sent !== from - 1 || (session.isStale && !isSync)) return;
    session.sent = to;
    client.hear({ t: 'commits', seq: from, id: this.positionAt(to).id, commits: this.commits.slice(from - 1, to) });
  }

  private send(client: SimClient, message: ServerMessage): void {
    if (client.session?.isLagging === false) client.hear(message);
  }

  private save(seq: number): void {
    if (seq <= this.saved) return;
    this.saved = seq;
    for (const client of this.clients) this.sayWhatIsSaved(client);
  }

  private sayWhatIsSaved(client: SimClient): void {
    if (client.session?.isStale === false) this.send(client, { t: 'saved', cid: this.lastCid(client.author, this.saved), seq: this.saved });
  }

  /** The right to edit is given back when all is quiet: people are slower than what is under way. */
  private changeRole(client: SimClient): void {
    if (!client.access.mayEdit && !client.isSettled) return;
    client.access.change(this.random);
    this.send(client, { t: 'permission', role: client.access.role });
  }

  /** At the end everybody may edit again, and does. */
  private giveBack(client: SimClient): void {
    this.changeRole(client);
    this.toClient(client);
    client.edit(this.random, this.now);
    // What was lost inside the server while nothing that follows could show it.
    this.revive(client);
  }

  private lag(client: SimClient): void {
    if (client.session === undefined) return;
    if (client.session.isLagging) this.revive(client);
    else client.session.isLagging = true;
  }

  /** Brings a session back on the same socket, from where its queue stopped, or by a snapshot. */
  private revive(client: SimClient, isStale = false): void {
    const { session } = client;
    if (session === undefined) return;
    // Chunks that were not sent leave the client without a position that a delta could start from.
    this.welcome(client, session.chunks.length > 0 ? undefined : this.positionAt(session.sent), isStale);
  }

  /** The node of this session hears what the others know. */
  private catchUp(client: SimClient): void {
    const { session } = client;
    if (session?.isStale !== true || session.isLagging) return;
    session.isStale = false;
    if (session.sent < this.commits.length) this.sendCommits(client, session.sent + 1, this.commits.length);
    this.sayWhatIsSaved(client);
  }

  /** Nodes have lost Redis for a moment: every session is told to start over, perhaps several times in a row. */
  private rewind(): void {
    this.counts.rewinds += 1;
    for (let n = 1 + this.random.below(3); n > 0; n -= 1) for (const client of this.clients) this.revive(client, this.random.chance(0.3));
  }

  /** The hot state is lost back to some commit that is at least the watermark; from there another history begins. */
  private heal(): void {
    this.counts.heals += 1;
    const kept = this.saved + (this.random.chance(0.5) ? 0 : this.random.below(this.commits.length - this.saved + 1));
    this.counts.takenBack += this.commits.length - kept;
    const lost = this.goBack(kept);
    const isEarly = this.random.chance(0.5);
    if (isEarly) this.resubmit(lost);
    this.restart(kept);
    if (!isEarly) this.resubmit(lost);
  }

  /** The promise is broken: the store was restored from an older copy. */
  private breach(): void {
    this.counts.breaches += 1;
    this.save(this.commits.length);
    for (const client of this.clients) while (client.down.length > 0) client.takeOne(this.now);
    const kept = this.random.below(this.saved + 1);
    for (const client of this.clients) client.breached = lostWith(this.commits.slice(kept), client);
    this.saved = Math.min(this.saved, kept);
    this.goBack(kept);
    this.restart(kept);
  }

  /** @returns what is lost */
  private goBack(kept: number): Submission[] {
    const replayed = this.submissions.slice(0, kept);
    const lost = this.submissions.slice(kept).map((one, i) => ({ ...one, body: this.commits[kept + i]?.[3] ?? one.body }));
    const keptIds = this.ids.slice(0, kept);
    const sessions = this.clients.map(({ session }) => session);
    for (const client of this.clients) {
      client.session = undefined;
      client.noteLost();
    }
    this.oracle.reset(this.seed);
    [this.commits, this.ids, this.submissions] = [[], [], []];
    for (const { author, cid, body } of replayed) this.submit(cid, body, author, undefined);
    this.counts.commits -= kept;
    if (this.commits.length !== kept) throw new Error(`the oracle made ${this.commits.length} commits of what were ${kept}`);
    this.ids = keptIds;
    this.epoch += 1;
    this.botCid = this.lastCid(BOT, kept);
    this.clients.forEach((client, i) => (client.session = sessions[i]));
    return lost;
  }

  /** Rooms have held some of what was lost, and propose it again: refused batches as void, each author's in order. */
  private resubmit(lost: readonly Submission[]): void {
    const sessions = this.clients.map(({ session }) => session);
    for (const { author, cid, body } of lost) {
      if (!this.random.chance(0.6)) continue;
      this.counts.resubmitted += 1;
      this.submit(cid, body, author, undefined);
    }
    this.botCid = this.lastCid(BOT, this.commits.length);
    this.clients.forEach((client, i) => (client.session = sessions[i]));
  }

  /** Brings every session to the new history. */
  private restart(kept: number): void {
    for (const client of this.clients) {
      const { session } = client;
      if (session === undefined) continue;
      const canContinue = session.chunks.length === 0 && session.sent <= kept;
      this.welcome(client, canContinue ? this.positionAt(session.sent) : undefined);
    }
  }

  // --- The verdict ---

  private wrongPicture(clients: readonly SimClient[]): string | undefined {
    for (const client of clients) {
      const wrong = wrongPicture(client, this.histories.get(client.sync.position?.id ?? '')?.get(client.author) ?? 0);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }

  private difference(): string | undefined {
    const state = this.oracle.state();
    if (state.position.seq !== this.commits.length) return `the oracle is at ${state.position.seq}, its commits end at ${this.commits.length}`;
    for (const client of this.clients) {
      const wrong = wrongEnd(client, this.commits, state) ?? wrongLoss(client, this.commits);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }
}
