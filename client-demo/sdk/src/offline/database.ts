/** The database of kept pages: IndexedDB, as promises. Knows what is stored, not what for. */

const NAME = 'collabcanvas';
const VERSION = 1;

/** A page: of one project, with one client id. */
export interface PageRow {
  readonly scope: string;
  readonly url: string;
  readonly clientId: string;
  /** A page that was kept by an earlier version has none. */
  readonly author?: string | undefined;
  readonly savedCid: number;
  readonly highestCid: number;
  readonly position: { epoch: number; seq: number; id: string } | undefined;
  /** Undo steps, as MessagePack. */
  readonly undo: Uint8Array;
  /** When it was written last, in milliseconds since 1970. */
  readonly usedAt: number;
}

export interface BatchRow {
  readonly scope: string;
  readonly key: number;
  readonly body: Uint8Array;
  readonly durable: boolean;
  readonly cid: number | undefined;
  readonly answer: 'waiting' | 'accepted' | 'refused';
  readonly code: string | undefined;
  readonly inBase: boolean;
  readonly madeAt: number;
  readonly acceptedAt: number | undefined;
}

export interface ObjectRow {
  readonly scope: string;
  readonly id: string;
  readonly rev: number;
  /** Its properties, as MessagePack. */
  readonly props: Uint8Array;
}

/** What to write at once, all or nothing. */
export interface Changes {
  readonly page: PageRow;
  readonly batches: readonly BatchRow[];
  /** Keys of batches that need not be kept any more. */
  readonly done: readonly number[];
  /** All former objects go first. */
  readonly isReset: boolean;
  readonly objects: readonly ObjectRow[];
  readonly gone: readonly string[];
}

export class Database {
  readonly #db: IDBDatabase;

  private constructor(db: IDBDatabase) {
    this.#db = db;
  }

  static async open(): Promise<Database> {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      request.result.createObjectStore('pages', { keyPath: 'scope' }).createIndex('url', 'url');
      request.result.createObjectStore('batches', { keyPath: ['scope', 'key'] });
      request.result.createObjectStore('objects', { keyPath: ['scope', 'id'] });
    };
    const db = await done(request);
    // A later version must not wait for this page.
    db.onversionchange = () => db.close();
    return new Database(db);
  }

  pages(url: string): Promise<PageRow[]> {
    return done(this.#db.transaction('pages').objectStore('pages').index('url').getAll(url) as IDBRequest<PageRow[]>);
  }

  batches(scope: string): Promise<BatchRow[]> {
    return done(this.#db.transaction('batches').objectStore('batches').getAll(rangeOf(scope)) as IDBRequest<BatchRow[]>);
  }

  objects(scope: string): Promise<ObjectRow[]> {
    return done(this.#db.transaction('objects').objectStore('objects').getAll(rangeOf(scope)) as IDBRequest<ObjectRow[]>);
  }

  async write({ page, batches, done: gone, isReset, objects, gone: removed }: Changes): Promise<void> {
    const transaction = this.#db.transaction(['pages', 'batches', 'objects'], 'readwrite');
    transaction.objectStore('pages').put(page);
    const kept = transaction.objectStore('batches');
    for (const batch of batches) kept.put(batch);
    for (const key of gone) kept.delete([page.scope, key]);
    const state = transaction.objectStore('objects');
    if (isReset) state.delete(rangeOf(page.scope));
    for (const object of objects) state.put(object);
    for (const id of removed) state.delete([page.scope, id]);
    await finished(transaction);
  }

  async forget(scope: string): Promise<void> {
    const transaction = this.#db.transaction(['pages', 'batches', 'objects'], 'readwrite');
    transaction.objectStore('pages').delete(scope);
    transaction.objectStore('batches').delete(rangeOf(scope));
    transaction.objectStore('objects').delete(rangeOf(scope));
    await finished(transaction);
  }

  close(): void {
    this.#db.close();
  }
}

/** All keys that begin with this scope: an array sorts behind every number and text. */
const rangeOf = (scope: string): IDBKeyRange => IDBKeyRange.bound([scope], [scope, []]);

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('the database refused a request'));
  });
}

function finished(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error('the database gave a transaction up'));
  });
}
