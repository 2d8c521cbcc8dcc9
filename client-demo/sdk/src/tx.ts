/** Collects the ops of one batch. */
import type { Op } from './protocol.js';
import type { Changes, Complete, NameIn, NumberIn, RemovableIn } from './schema.js';
import { given, type Props } from './value.js';

/** What must hold for an op; otherwise the whole batch is refused (`precondition`). */
export interface Precondition<Kinds = Props> {
  /** The object exists and its `rev` is exactly this. */
  readonly ifRev?: number;
  /** Properties that the object must not have. */
  readonly ifAbsent?: NameIn<Kinds>[];
}

/** What a batch is made of. */
export interface Tx<Kinds = Props> {
  /** Makes an object, with all properties of its kind. @returns its id: `id`, or a random one */
  create(props: Complete<Kinds>, id?: string): string;
  /** Sets and removes single properties; all others stay. Nothing happens when the object is gone. `update<Kind>` takes those of one kind. */
  update<Kind extends Kinds = Kinds>(id: string, set: NoInfer<Changes<Kind>>, unset?: NoInfer<RemovableIn<Kind>>[], pre?: Precondition<Kinds>): void;
  /** Removes an object. Nothing happens when it is gone. */
  delete(id: string, pre?: Precondition<Kinds>): void;
  /** Adds to a number property; a missing one counts as 0. Concurrent increments all count. */
  increment(id: string, prop: NumberIn<Kinds>, by: number | bigint, pre?: Precondition<Kinds>): void;
}

export class OpCollector implements Tx {
  readonly ops: Op[] = [];
  readonly #randomId: () => string;

  constructor(randomId: () => string) {
    this.#randomId = randomId;
  }

  create(props: Props, id = this.#randomId()): string {
    this.ops.push({ op: 'create', id, props });
    return id;
  }

  update(id: string, set: Props, unset: string[] = [], pre?: Precondition): void {
    this.ops.push({ op: 'update', id, set, ...(unset.length > 0 && { unset }), ...wire(pre) });
  }

  delete(id: string, pre?: Precondition): void {
    this.ops.push({ op: 'delete', id, ...wire(pre) });
  }

  increment(id: string, prop: string, by: number | bigint, pre?: Precondition): void {
    this.ops.push({ op: 'increment', id, prop, by, ...wire(pre) });
  }
}

function wire(pre: Precondition | undefined): { if_rev?: number; if_absent?: string[] } {
  return given({ if_rev: pre?.ifRev, if_absent: pre?.ifAbsent });
}
