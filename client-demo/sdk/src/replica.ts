/**
 * The objects of a project: the server's state (`base`), and on top of it the batches that are not in it yet (`view`).
 *
 * Both maps share the objects that no pending batch touches, and a change re-applies only the batches that have to do with it, so a
 * remote commit costs as much as it changes, however much is pending. Objects are immutable; a change replaces them. Knows
 * nothing of cids, connections or time.
 */
import { serverError } from './errors.js';
import { changedObject, objectOf, type CanvasObject } from './object.js';
import { applyOps, type Ground, type Outcome } from './ops.js';
import { DrawingOrder } from './drawing-order.js';
import type { Change, Op, WireObject } from './protocol.js';

/** A batch that is shown although the server's state does not hold it yet. Layers lie in the order of their keys. */
export interface Layer {
  readonly key: number;
  readonly ops: readonly Op[];
}

/** A layer with the objects that it has to do with. */
interface Laid extends Layer {
  readonly writes: ReadonlySet<string>;
  /** As of the last time it was applied. */
  reads: ReadonlySet<string>;
}

export class Replica {
  readonly #base = new Map<string, CanvasObject>();
  /** The server's state with all layers on top. Always the same map. */
  readonly view = new Map<string, CanvasObject>();
  #order = new DrawingOrder();
  /** Undefined as long as nobody has asked. */
  #touched: Set<string> | 'all' | undefined;
  readonly #layers = new Map<number, Laid>();
  /** By object id: the layers that write or read it. Where there is none, `view` is `base`. */
  readonly #concerned = new Map<string, Set<Laid>>();
  /** Objects whose layers are to be applied again by the next `rebase`. */
  readonly #due = new Set<string>();

  readonly #ground: Ground = {
    get: (id) => this.view.get(id),
    isPending: (id) => [...(this.#concerned.get(id) ?? [])].some((layer) => layer.writes.has(id)),
  };

  ordered(): readonly CanvasObject[] {
    return this.#order.list(this.view);
  }

  /** The server's state, without layers. */
  get confirmed(): ReadonlyMap<string, CanvasObject> {
    return this.#base;
  }

  /** The objects of the server's state that have changed since the last call. */
  takeTouched(): ReadonlySet<string> | 'all' {
    const touched = this.#touched ?? 'all';
    this.#touched = new Set();
    return touched;
  }

  /** What a batch would do on top of everything; changes nothing. */
  foretell(ops: readonly Op[]): Outcome {
    return applyOps(ops, this.#ground);
  }

  /**
   * Shows what has been foretold.
   * @param layer lies on top; or the layer that already does, with more in it
   * @returns the ids of changed objects
   */
  push(layer: Layer, outcome: Outcome): Set<string> {
    const reads = new Set([...(this.#layers.get(layer.key)?.reads ?? []), ...outcome.reads]);
    this.drop(layer.key, false);
    this.#register(layer, reads);
    const ids = new Set<string>();
    if (outcome.ok) for (const { op, after } of outcome.effects) this.#show(op.id, after, ids);
    return ids;
  }

  /** Adds a layer without showing it; `rebase` does. */
  lay(layer: Layer): void {
    for (const id of this.#register(layer, new Set()).writes) this.#due.add(id);
  }

  /** Takes a layer away; what was below it shows after `rebase`. */
  drop(key: number, isDue = true): void {
    const layer = this.#layers.get(key);
    if (layer === undefined) return;
    this.#layers.delete(key);
    this.#forget(layer);
    if (isDue) for (const id of layer.writes) this.#due.add(id);
  }

  /** Takes all layers away but these. */
  keep(keys: ReadonlySet<number>): void {
    for (const key of this.#layers.keys()) if (!keys.has(key)) this.drop(key);
  }

  /** Replaces the server's state and takes all layers away. */
  reset(objects: Iterable<WireObject>): void {
    this.#base.clear();
    if (this.#touched !== undefined) this.#touched = 'all';
    this.view.clear();
    this.#layers.clear();
    this.#concerned.clear();
    this.#due.clear();
    this.#order = new DrawingOrder();
    for (const [id, rev, props] of objects) {
      const object = objectOf(id, rev, props);
      this.#base.set(id, object);
      this.view.set(id, object);
    }
  }

  /**
   * Takes the changes of one commit into the server's state. Objects that no layer has to do with are shown at once, the others by
   * `rebase`.
   * @param shown collects the ids of objects that look different now
   * @throws CanvasError `server_error` for a change that does not fit the state
   */
  commit(seq: number, changes: readonly Change[], shown: Set<string>): void {
    for (const change of changes) {
      const id = change[1];
      const object = this.#changed(seq, change);
      if (this.#touched !== 'all') this.#touched?.add(id);
      if (object === undefined) this.#base.delete(id);
      else this.#base.set(id, object);
      if (this.#concerned.has(id)) this.#due.add(id);
      else this.#show(id, object, shown);
    }
  }

  /**
   * Applies the layers again that have to do with what has changed: those that touch it, and those that touch what these touch.
   * @param shown collects the ids of objects that look different now
   */
  rebase(shown: Set<string>): void {
    const { ids, layers } = this.#affected();
    const before = new Map<string, CanvasObject | undefined>();
    for (const id of ids) {
      before.set(id, this.view.get(id));
      this.#put(id, this.#base.get(id));
    }
    const pending = new Set<string>();
    const ground: Ground = { get: this.#ground.get, isPending: (id) => pending.has(id) };
    for (const layer of layers) {
      // A layer that would be refused on this state is left out of the picture; whether it is refused, the server says.
      const outcome = applyOps(layer.ops, ground);
      if (outcome.ok) for (const { op, after } of outcome.effects) this.#put(op.id, after);
      for (const id of layer.writes) pending.add(id);
      this.#forget(layer);
      layer.reads = outcome.reads;
      this.#remember(layer);
    }
    for (const [id, object] of before) {
      if (object === this.view.get(id)) continue;
      shown.add(id);
      this.#order.touch(id, object);
    }
  }

  /** The objects that are due, with all that depends on them; the layers in their order. */
  #affected(): { ids: Set<string>; layers: Laid[] } {
    const ids = new Set<string>();
    const layers = new Set<Laid>();
    const queue = [...this.#due];
    this.#due.clear();
    for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
      if (ids.has(id)) continue;
      ids.add(id);
      for (const layer of this.#concerned.get(id) ?? []) {
        if (layers.has(layer)) continue;
        layers.add(layer);
        queue.push(...layer.writes);
      }
    }
    return { ids, layers: [...layers].sort((a, b) => a.key - b.key) };
  }

  #register({ key, ops }: Layer, reads: ReadonlySet<string>): Laid {
    const layer: Laid = { key, ops, writes: new Set(ops.map(({ id }) => id)), reads };
    this.#layers.set(key, layer);
    this.#remember(layer);
    return layer;
  }

  #remember(layer: Laid): void {
    for (const id of [...layer.writes, ...layer.reads]) {
      const layers = this.#concerned.get(id);
      if (layers === undefined) this.#concerned.set(id, new Set([layer]));
      else layers.add(layer);
    }
  }

  #forget(layer: Laid): void {
    for (const id of [...layer.writes, ...layer.reads]) {
      const layers = this.#concerned.get(id);
      layers?.delete(layer);
      if (layers?.size === 0) this.#concerned.delete(id);
    }
  }

  #changed(seq: number, change: Change): CanvasObject | undefined {
    const [kind, id] = change;
    if (kind === 'del') return undefined;
    if (kind === 'put') return objectOf(id, seq, change[2]);
    const object = this.#base.get(id);
    if (kind !== 'set' || object === undefined) {
      throw serverError(`commit ${seq} does not fit object ${id}`);
    }
    return changedObject(object, seq, change[2], change[3]);
  }

  #show(id: string, object: CanvasObject | undefined, shown: Set<string>): void {
    this.#order.touch(id, this.view.get(id));
    this.#put(id, object);
    shown.add(id);
  }

  #put(id: string, object: CanvasObject | undefined): void {
    if (object === undefined) this.view.delete(id);
    else this.view.set(id, object);
  }
}
