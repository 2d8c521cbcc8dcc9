/**
 * Keeps a canvas's work in the browser: a reload or a crash of the tab loses nothing that was made a moment before, and the page opens without a
 * network.
 *
 * A page writes what has changed, in one transaction: its batches, the server's state under them, its undo steps. A batch is sent only after it
 * was written, because its number must mean the same to whoever takes over. A page that finds the work of a tab that is gone goes on as that tab, under
 * its client id, so that the server recognises what it has already.
 */
import type { Batch } from '../batch.js';
import { decodeOps, decodeValue, encodeValue } from '../codec/frame.js';
import type { Kept, Keeper, KeptBatch, Work } from '../keeper.js';
import { wireProps, type CanvasObject } from '../object.js';
import type { WireObject } from '../protocol.js';
import type { Props } from '../value.js';
import { Database, type BatchRow, type Changes, type ObjectRow, type PageRow } from './database.js';
import { take, type Hold } from './pages.js';
import { undoOf, valueOfUndo } from './steps.js';

/** How long the server's state may wait to be written: a later delta makes good what is missing. Batches never wait. */
const STATE_MS = 1_000;

/** What of a batch decides how it is kept. */
type Version = Pick<Batch, 'body' | 'cid' | 'answer' | 'inBase' | 'durable'>;

/** How work is kept. */
export interface KeeperOptions {
  /** Hears why nothing is kept: no database, no place left. The canvas goes on without. */
  readonly failed?: (error: unknown) => void;
  /**
   * Whose work it is, for pages that more than one person may use: an id of the user, or of what they come with. Only what was kept with the same is taken
   * over; nobody finds what is another's.
   */
  readonly user?: string;
  /** Only this page's work, for one that nobody else goes on with. */
  readonly scope?: string;
}

export class BrowserKeeper implements Keeper {
  #database: Database | undefined;
  #hold: Hold | undefined;
  #url = '';
  #kept: () => void = () => undefined;
  isBroken = false;
  #written = new Map<number, Version>();
  #work: Work | undefined;
  #touched: Set<string> | 'all' = new Set();
  #writing: Promise<void> | undefined;
  #stateAt = -Infinity;
  /** Where the state stands that was written last. */
  #position: Work['position'];
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #options: KeeperOptions;

  constructor(options: KeeperOptions = {}) {
    this.#options = options;
  }

  async open(url: string, kept: () => void): Promise<Kept | undefined> {
    [this.#url, this.#kept] = [placeOf(url, this.#options.user), kept];
    try {
      this.#database = await Database.open();
      const found = await this.#find(this.#database);
      if (found === undefined && this.#options.scope !== undefined) throw new Error('another page has taken this work over');
      this.#hold = found?.hold ?? (await take(crypto.randomUUID()));
      return found && (await this.#read(this.#database, found.page));
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  keep(work: Work): void {
    this.#work = work;
    if (work.touched === 'all') this.#touched = 'all';
    else if (this.#touched !== 'all') for (const id of work.touched) this.#touched.add(id);
    this.#write();
  }

  isKept(batch: Batch): boolean {
    // Without a database there is no later page to be told.
    return this.isBroken || isSafe(this.#written.get(batch.key), batch);
  }

  close(isEmpty: boolean): void {
    clearTimeout(this.#timer);
    const [database, hold] = [this.#database, this.#hold];
    if (database === undefined || hold === undefined) return;
    const last = this.#writing ?? Promise.resolve();
    void last
      .then(() => (isEmpty && this.#options.scope !== undefined ? database.forget(hold.scope) : undefined))
      .catch((error: unknown) => this.#options.failed?.(error))
      .finally(() => {
        hold.release();
        database.close();
      });
  }

  /** Pages of this project that are waiting for somebody, except the one that this keeper has: those with unsaved work. */
  static async orphans(url: string, user?: string): Promise<string[]> {
    // A browser that keeps nothing has kept nothing.
    const database = await Database.open().catch(() => undefined);
    if (database === undefined) return [];
    try {
      const scopes = [];
      for (const { scope } of await database.pages(placeOf(url, user))) {
        const hold = await take(scope);
        if (hold === undefined) continue;
        const isNeeded = (await database.batches(scope)).length > 0;
        if (isNeeded) scopes.push(scope);
        else await database.forget(scope);
        hold.release();
      }
      return scopes;
    } finally {
      database.close();
    }
  }

  async #find(database: Database): Promise<{ page: PageRow; hold: Hold } | undefined> {
    const pages = await database.pages(this.#url);
    const { scope } = this.#options;
    for (const page of pages.filter((page) => scope === undefined || page.scope === scope).sort((a, b) => b.usedAt - a.usedAt)) {
      const hold = await take(page.scope);
      if (hold !== undefined) return { page, hold };
    }
    return undefined;
  }

  async #read(database: Database, page: PageRow): Promise<Kept> {
    const [batches, objects] = await Promise.all([database.batches(page.scope), database.objects(page.scope)]);
    this.#written = new Map(batches.map((batch) => [batch.key, batch]));
    this.#position = page.position;
    return {
      clientId: page.clientId,
      author: page.author,
      savedCid: page.savedCid,
      highestCid: page.highestCid,
      batches: batches.map(({ scope: _, ...batch }): KeptBatch => ({ ...batch, ops: decodeOps(batch.body) })),
      position: page.position,
      objects: objects.map(({ id, rev, props }): WireObject => [id, rev, decodeValue(props) as Props]),
      undo: undoOf(decodeValue(page.undo)),
    };
  }

  /** Writes what is due, one transaction at a time; what comes meanwhile goes with the next. */
  #write(): void {
    const [database, hold, work] = [this.#database, this.#hold, this.#work];
    if (this.#writing !== undefined || database === undefined || hold === undefined || work === undefined || this.isBroken) return;
    const now = Date.now();
    const isStateDue = now - this.#stateAt >= STATE_MS;
    const changed = work.batches.filter((batch) => !isWritten(this.#written.get(batch.key), batch));
    const present = new Set(work.batches.map(({ key }) => key));
    const done = [...this.#written.keys()].filter((key) => !present.has(key));
    // What is in the server's state, and what is not, is told together with that state.
    const isBound = done.length > 0 || changed.some(({ key, inBase }) => inBase !== (this.#written.get(key)?.inBase ?? false));
    if (changed.length === 0 && done.length === 0 && !isStateDue) return this.#later(this.#stateAt + STATE_MS - now);
    const touched = isStateDue || isBound ? this.#touched : new Set<string>();
    if (isStateDue || isBound) {
      [this.#touched, this.#stateAt, this.#position] = [new Set(), now, work.position];
    }
    const versions = changed.map((batch): [number, Version] => [batch.key, versionOf(batch)]);
    this.#writing = database
      .write(this.#changes(hold.scope, work, changed, done, touched, now))
      .then(() => {
        for (const [key, version] of versions) this.#written.set(key, version);
        for (const key of done) this.#written.delete(key);
      })
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#writing = undefined;
        this.#kept();
        if (this.#work !== work || this.#touched === 'all' || this.#touched.size > 0) this.#write();
      });
  }

  #changes(scope: string, work: Work, changed: readonly Batch[], done: readonly number[], touched: ReadonlySet<string> | 'all', now: number): Changes {
    const { clientId, author, savedCid, highestCid, objects } = work;
    const position = this.#position;
    const isReset = touched === 'all';
    const ids = isReset ? [...objects.keys()] : [...touched];
    const rows = ids.map((id) => objects.get(id)).filter((object) => object !== undefined);
    return {
      page: { scope, url: this.#url, clientId, author, savedCid, highestCid, position, undo: encodeValue(valueOfUndo(work.undo)), usedAt: now },
      batches: changed.map((batch) => rowOf(scope, batch)),
      done,
      isReset,
      objects: rows.map((object) => objectRow(scope, object)),
      gone: isReset ? [] : ids.filter((id) => !objects.has(id)),
    };
  }

  #later(ms: number): void {
    if (this.#touched !== 'all' && this.#touched.size === 0) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#write(), Math.max(0, ms));
  }

  #fail(error: unknown): void {
    this.isBroken = true;
    this.#options.failed?.(error);
    this.#kept();
  }
}

/** Where a user's work on a project is. A project's address has no fragment of its own. */
const placeOf = (url: string, user: string | undefined): string => (user === undefined ? url : `${url}#${user}`);

const versionOf = ({ body, cid, answer, inBase, durable }: Batch): Version => ({ body, cid, answer, inBase, durable });

/** Whether a batch outlives the page. Its cid may not be written yet: whoever takes over gives the same, in the same order. */
function isSafe(written: Version | undefined, batch: Batch): boolean {
  return written?.body === batch.body;
}

function isWritten(written: Version | undefined, batch: Batch): boolean {
  return (
    written?.body === batch.body && written.cid === batch.cid && written.answer === batch.answer &&
    written.inBase === batch.inBase && written.durable === batch.durable
  );
}

function rowOf(scope: string, { key, body, durable, cid, answer, code, inBase, madeAt, acceptedAt }: Batch): BatchRow {
  return { scope, key, body, durable, cid, answer, code, inBase, madeAt, acceptedAt };
}

function objectRow(scope: string, object: CanvasObject): ObjectRow {
  return { scope, id: object.id, rev: object.rev, props: encodeValue(wireProps(object)) };
}
