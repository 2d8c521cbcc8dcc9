/** For the tests: elements, a scene without an editor, and canvases that meet in one small server. */
import { CanvasError, type Canvas, type CanvasObject, type Op, type Tx, type Value } from '@collabcanvas/sdk';
import type { Scene } from './binding';
import type { Element } from './element';
import type { EditorState } from './gesture';
import { byIndex, distinct } from './order';

export const IDLE: EditorState = {
  newElement: null,
  multiElement: null,
  resizingElement: null,
  editingTextElement: null,
  editingLinearElement: null,
  croppingElementId: null,
  cursorButton: 'up',
  selectedElementIds: {},
  selectedElementsAreBeingDragged: false,
  isResizing: false,
  isRotating: false,
};

export function rectangle(id: string, fields: Partial<Element> = {}): Element {
  return {
    id, type: 'rectangle', x: 0, y: 0, width: 10, height: 10, angle: 0, strokeColor: '#000', backgroundColor: 'transparent', fillStyle: 'solid',
    strokeWidth: 2, strokeStyle: 'solid', roundness: null, roughness: 1, opacity: 100, seed: 1, groupIds: [], frameId: null, boundElements: null,
    link: null, locked: false, index: 'a0', isDeleted: false, version: 1, versionNonce: 1, updated: 0,
    ...fields,
  };
}

/** A scene that changes as the editor's does. */
export class TestScene implements Scene {
  current: EditorState = IDLE;
  list: readonly Element[] = [];
  private nonces = 100;

  elements(): readonly Element[] {
    return this.list;
  }

  state(): EditorState {
    return this.current;
  }

  /** Like the editor it bears no equal indices. */
  replace(elements: readonly Element[]): void {
    if (distinct(elements, () => 0).size > 0) throw new Error('the editor would have changed these indices');
    this.list = elements;
  }

  /** The user does something to an element. */
  edit(id: string, fields: Partial<Element>): void {
    this.list = this.list.map((element) =>
      element.id === id ? { ...element, ...fields, version: element.version + 1, versionNonce: (this.nonces += 1) } : element,
    );
    if (fields.index !== undefined) this.list = [...this.list].sort(byIndex);
  }

  add(element: Element): void {
    this.list = [...this.list, element].sort(byIndex);
  }

  get(id: string): Element | undefined {
    return this.list.find((element) => element.id === id && !element.isDeleted);
  }

  get visible(): Element[] {
    return this.list.filter(({ isDeleted }) => !isDeleted);
  }
}

/** The server's state, and batches on their way to it. */
export class TestServer {
  readonly objects = new Map<string, CanvasObject>();
  readonly canvases: TestCanvas[] = [];
  private seq = 0;

  /** Takes the oldest batch of a canvas, and tells everybody. */
  take(canvas: TestCanvas): void {
    const ops = canvas.pending.shift();
    if (ops === undefined) return;
    this.seq += 1;
    const after = applied(this.objects, ops, this.seq);
    if (after !== undefined) {
      this.objects.clear();
      for (const [id, object] of after) this.objects.set(id, object);
    }
    for (const other of this.canvases) other.rebase();
  }

  takeAll(): void {
    for (const canvas of this.canvases) while (canvas.pending.length > 0) this.take(canvas);
  }
}

/** As much of a canvas as the binding uses: the server's state with what is pending on top. */
export class TestCanvas implements Pick<Canvas, 'objects' | 'get' | 'batch' | 'ordered'> {
  readonly pending: (readonly Op[])[] = [];
  readonly made: (readonly Op[])[] = [];
  objects: Map<string, CanvasObject>;
  /** Hears which objects look different. */
  changed: (ids: ReadonlySet<string>) => void = () => undefined;

  constructor(private readonly server: TestServer) {
    this.objects = new Map(server.objects);
    server.canvases.push(this);
  }

  get(id: string): CanvasObject | undefined {
    return this.objects.get(id);
  }

  ordered(): readonly CanvasObject[] {
    const z = ({ props }: CanvasObject): string => String(props['z']);
    return [...this.objects.values()].sort((a, b) => byIndex({ id: a.id, index: z(a) }, { id: b.id, index: z(b) }));
  }

  batch(fn: (tx: Tx) => void): ReturnType<Canvas['batch']> {
    const ops: Op[] = [];
    fn(collector(ops));
    const after = applied(this.objects, ops, 0);
    if (after === undefined) throw new CanvasError('precondition', 'refused');
    this.pending.push(ops);
    this.made.push(ops);
    this.show(after);
    return undefined as unknown as ReturnType<Canvas['batch']>;
  }

  rebase(): void {
    let after = new Map(this.server.objects);
    for (const ops of this.pending) after = applied(after, ops, 0) ?? after;
    this.show(after);
  }

  private show(after: Map<string, CanvasObject>): void {
    const before = this.objects;
    this.objects = after;
    this.changed(new Set([...before.keys(), ...after.keys()].filter((id) => before.get(id) !== after.get(id))));
  }
}

function collector(ops: Op[]): Tx {
  return {
    create: (props, id = '') => (ops.push({ op: 'create', id, props }), id),
    update: (id, set, unset, pre) => void ops.push({ op: 'update', id, set, unset: unset ?? [], ...(pre?.ifRev !== undefined && { if_rev: pre.ifRev }) }),
    delete: (id) => void ops.push({ op: 'delete', id }),
    increment: () => undefined,
  };
}

/** The objects after a batch; undefined when it is refused. */
function applied(objects: ReadonlyMap<string, CanvasObject>, ops: readonly Op[], rev: number): Map<string, CanvasObject> | undefined {
  const after = new Map(objects);
  for (const op of ops) {
    const before = after.get(op.id);
    if (op.op === 'create') {
      if (before !== undefined) return undefined;
      after.set(op.id, { id: op.id, rev, props: op.props ?? {} });
    } else if (op.op === 'delete') {
      after.delete(op.id);
    } else if (op.op === 'update') {
      if (op.if_rev !== undefined && op.if_rev !== before?.rev) return undefined;
      if (before === undefined) continue;
      const props: Record<string, Value> = { ...before.props, ...op.set };
      for (const name of op.unset ?? []) delete props[name];
      after.set(op.id, { id: op.id, rev, props });
    }
  }
  return after;
}
