/** What must be true in the simulation, at every step and at its end. */
import { encodeOps, encodeValue } from '../src/codec/frame.js';
import type { Commit, WireObject } from '../src/protocol.js';
import { Replica } from '../src/replica.js';
import { slotOf } from '../src/value.js';
import type { ProjectState } from './fake-server.js';
import type { SimClient } from './sim-client.js';

/**
 * A client must show its server state with exactly those batches on top that this state does not hold.
 * @param held the client's last cid in the history that its position names
 */
export function wrongPicture({ author, sync, made }: SimClient, held: number): string | undefined {
  const wanted = new Replica();
  wanted.reset([...sync.replica.confirmed.values()].map(({ id, rev, props }): WireObject => [id, rev, props]));
  for (const batch of made) {
    if (batch.answer !== 'refused' && !(batch.cid !== undefined && batch.cid <= held)) wanted.lay(batch);
  }
  wanted.rebase(new Set());
  const [a, b] = [sync.replica, wanted].map(({ view }) => described([...view.values()].map(({ id, rev, props }): WireObject => [id, rev, props])));
  return a === b ? undefined : `${author} shows\n${a}\ninstead of\n${b}`;
}

/** Once all is quiet, a client must have what the server has, and its application must have been told the truth. */
export function wrongEnd(client: SimClient, commits: readonly Commit[], state: ProjectState): string | undefined {
  return wrongState(client, commits, state) ?? wrongWord(client, commits);
}

function wrongState({ author, sync }: SimClient, commits: readonly Commit[], state: ProjectState): string | undefined {
  const { replica, pending, position } = sync;
  if (pending.all.length > 0) return `${author} still has ${pending.all.length} pending batches`;
  if (position?.seq !== commits.length) return `${author} is at ${position?.seq}, the server at ${commits.length}`;
  const last = commits.filter((commit) => commit[0] === author).at(-1)?.[1] ?? 0;
  if ((state.last[author] ?? 0) !== last) return `the oracle knows cid ${state.last[author]} of ${author}, its commits ${last}`;
  const wanted = described(state.objects);
  for (const [name, map] of [['confirmed', replica.confirmed], ['view', replica.view]] as const) {
    const found = described([...map.values()].map(({ id, rev, props }): WireObject => [id, rev, props]));
    if (found !== wanted) return `${author}: ${name} is\n${found}\nthe server has\n${wanted}`;
  }
  const order = replica.ordered().map(({ id }) => id);
  if (order.length !== replica.view.size || new Set(order).size !== order.length) return `${author}: the drawing order has ${order.join(' ')}`;
  return undefined;
}

/** What the application was told of each batch, against what has become of it. */
function wrongWord({ author, made, refused, again, losses }: SimClient, commits: readonly Commit[]): string | undefined {
  const own = new Map(commits.filter((commit) => commit[0] === author).map((commit) => [commit[1], commit]));
  for (const { cid, course } of made) {
    const commit = own.get(cid ?? 0);
    if (commit === undefined) return `batch ${cid} of ${author} is ${course.state}, and the server does not have it`;
    const name = `${author} ${cid}`;
    const isBroken = losses.some(({ batches }) => batches.some((one) => one.cid === cid && one.was === 'saved'));
    if (isBroken && commit[3] !== undefined) continue;
    if (commit[3] !== undefined && !refused.has(name)) return `the refusal of ${name} was not told`;
    if (commit[3] === undefined && refused.has(name) && !again.has(name)) return `${name} was reported as refused and then took effect`;
    const wanted = commit[3] === undefined ? 'saved' : 'refused';
    // A refusal that was told and lost, whose batch took effect after all: a snapshot does not say so, only a delta does.
    if (refused.has(name) && again.has(name) && course.state === 'refused') continue;
    if (course.state !== wanted) return `${name} is ${course.state} for the application; it should be ${wanted}`;
  }
  const cids = [...own.keys()];
  if (cids.some((cid, i) => cid !== i + 1)) return `the cids of ${author} are ${cids.join(' ')}`;
  return undefined;
}

/** What a client loses with these commits: ops by cid. */
export function lostWith(commits: readonly Commit[], { author, bodies }: SimClient): Map<number, Uint8Array> {
  const own = commits.filter((commit) => commit[0] === author && commit[3] === undefined).map(([, cid]) => cid);
  return new Map(own.flatMap((cid): [number, Uint8Array][] => {
    const body = bodies.get(`${author} ${cid}`);
    return body === undefined ? [] : [[cid, body]];
  }));
}

/** The loss that a client was told of, against what was really lost. */
export function wrongLoss({ losses, saved, firstAuthor, breached }: SimClient, commits: readonly Commit[]): string | undefined {
  const there = new Set(commits.filter((commit) => commit[3] === undefined).map(([author, cid]) => `${author} ${cid}`));
  // A copy that was under way may have brought some of it back.
  const gone = [...breached].filter(([cid]) => !there.has(`${firstAuthor} ${cid}`));
  const lost = new Map(gone.filter(([cid]) => saved.has(`${firstAuthor} ${cid}`)));
  const reported = losses.flatMap(({ batches }) => batches).filter(({ was }) => was === 'saved');
  const missing = [...lost].filter(([cid, body]) => !reported.some((one) => one.cid === cid && Buffer.compare(encodeOps(one.ops, 32), body) === 0));
  if (missing.length > 0) return `the loss of ${missing.map(([cid]) => cid).join(' ')} was not told, only ${reported.map(({ cid }) => cid).join(' ')}`;
  if (reported.length !== lost.size) return `the loss of ${reported.map(({ cid }) => cid).join(' ')} was told, but not all of them are lost`;
  return losses.some(({ forgotten }) => forgotten > 0) ? 'some of what was lost was forgotten' : undefined;
}

/** Values do not change, so they are described once. */
const descriptions = new WeakMap<object, string>();

/** Objects as text that differs when any byte of any value does; the order of objects and of properties does not count. */
function described(objects: readonly WireObject[]): string {
  return objects
    .map(([id, rev, props]) => {
      const known = descriptions.get(props) ?? Object.keys(props).sort().map((name) => `${name}=${hexOf(props, name)}`).join(' ');
      descriptions.set(props, known);
      return `${id}@${rev} ${known}`;
    })
    .sort()
    .join('\n');
}

/** One property's bytes, exact ones where it has them. */
function hexOf(props: WireObject[2], name: string): string {
  const slot = slotOf(props, name);
  return Buffer.from(slot?.bytes ?? encodeValue(slot?.value)).toString('hex');
}
