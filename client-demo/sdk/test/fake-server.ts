/**
 * The server side of the simulation, and a stand-in for it in this process: the protocol's rules of cids, commits and refusals,
 * over the SDK's own `applyOps`. That the SDK's rules are the server's rules, only the driver with the real server behind it shows.
 */
import { decodeOps, decodeValue, encodeValue } from '../src/codec/frame.js';
import { applyOps } from '../src/ops.js';
import type { Ack, Change, Code, Commit, Commits, Gap, Reject, WireObject } from '../src/protocol.js';
import type { CanvasObject } from '../src/object.js';
import { merged } from '../src/value.js';

/** What a submit leads to: one answer, and the commit if there was one. */
export interface Answer {
  readonly ack?: Ack;
  readonly reject?: Reject;
  readonly gap?: Gap;
  readonly commits?: Commits;
}

export interface ProjectState {
  readonly position: { readonly seq: number };
  readonly objects: readonly WireObject[];
  readonly last: Readonly<Record<string, number>>;
}

export interface Oracle {
  /** An empty project. */
  reset(seed: number): void;
  /** @param body encoded ops, or the code of a void batch */
  submit(author: string, cid: number, body: Uint8Array | string): Answer;
  state(): ProjectState;
}

/** As it would arrive, so that nothing is shared between a client and the server. */
export function copied<T>(value: T): T {
  return decodeValue(encodeValue(value)) as unknown as T;
}

export class FakeServer implements Oracle {
  private readonly objects = new Map<string, CanvasObject>();
  private readonly last = new Map<string, number>();
  private readonly bodies = new Map<string, string>();
  private readonly refusals = new Map<string, Code>();
  private seq = 0;

  reset(): void {
    this.objects.clear();
    this.last.clear();
    this.bodies.clear();
    this.refusals.clear();
    this.seq = 0;
  }

  submit(author: string, cid: number, body: Uint8Array | string): Answer {
    const last = this.last.get(author) ?? 0;
    const key = `${author} ${cid}`;
    const text = String(body);
    if (cid <= last) {
      // Two pages with one client id would look like this; a client that keeps its resends exact never does.
      if (typeof body !== 'string' && (this.bodies.get(key) ?? text) !== text) throw new Error(`${key} is resent with other ops`);
      const code = this.refusals.get(key);
      if (code !== undefined) return { reject: { t: 'reject', cid, kind: 'final', code, message: '' } };
      return { ack: { t: 'ack', cid, seq: this.seq } };
    }
    if (cid > last + 1) return { gap: { t: 'gap', expected: last + 1 } };
    this.last.set(author, cid);
    // A void batch says nothing about the ops that its author has.
    if (typeof body !== 'string') this.bodies.set(key, text);
    if (typeof body !== 'string') return this.apply(author, cid, body);
    this.refusals.set(key, body as Code);
    return { commits: this.commit([author, cid, [], body as Code]), reject: { t: 'reject', cid, kind: 'final', code: body as Code, message: '' } };
  }

  state(): ProjectState {
    const objects = [...this.objects.values()].map(({ id, rev, props }): WireObject => [id, rev, merged(props, {})]);
    return copied({ position: { seq: this.seq }, objects, last: Object.fromEntries(this.last) });
  }

  private apply(author: string, cid: number, body: Uint8Array): Answer {
    const ops = decodeOps(body.slice());
    const outcome = applyOps(ops, { get: (id) => this.objects.get(id), isPending: () => false });
    if (!outcome.ok) {
      const { code, message, op } = outcome.refusal;
      const commits = this.commit([author, cid, [], code]);
      this.refusals.set(`${author} ${cid}`, code as Code);
      return { reject: { t: 'reject', cid, kind: 'final', code, message, op }, commits };
    }
    const changes: Change[] = [];
    for (const { op, before, after } of outcome.effects) {
      if (op.op === 'create') changes.push(['put', op.id, op.props ?? {}]);
      else if (before === undefined) continue;
      else if (after === undefined) changes.push(['del', op.id]);
      else if (op.op === 'update') changes.push(['set', op.id, op.set ?? {}, op.unset ?? []]);
      else if (op.op === 'increment') changes.push(['set', op.id, { [op.prop]: after.props[op.prop] ?? null }]);
    }
    const commits = this.commit([author, cid, changes]);
    return { ack: { t: 'ack', cid, seq: this.seq }, commits };
  }

  private commit(commit: Commit): Commits {
    this.seq += 1;
    for (const change of commit[2]) {
      const [kind, id] = change;
      if (kind === 'del') this.objects.delete(id);
      else if (kind === 'put') this.objects.set(id, { id, rev: this.seq, props: merged(change[2], {}) });
      else this.objects.set(id, { id, rev: this.seq, props: merged(this.objects.get(id)?.props ?? {}, change[2], change[3]) });
    }
    return copied({ t: 'commits' as const, seq: this.seq, id: `fake${this.seq}`, commits: [commit] });
  }
}
