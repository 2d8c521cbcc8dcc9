/**
 * Keeps the editor's scene and the canvas's objects the same.
 *
 * `sync` looks at both: what the user has changed since the last look goes to the canvas, property by property, and what the canvas shows
 * differently goes into the scene. The canvas is right: who was last, the server says, and after a look every element that the user is not at work on
 * is exactly its object. Elements that are being drawn, dragged or typed into wait until that is over; so the editor keeps hold of them, and its own undo
 * takes back only what was done here.
 *
 * Knows neither React nor the network; `scene.ts` is the editor, and whoever makes a binding calls `sync`, once a frame at most.
 */
import type { Canvas, CanvasError, CanvasObject } from '@collabcanvas/sdk';
import { difference, isSame } from './difference';
import { isDrawable, isShared } from './drawable';
import { changed, elementOf, isBarelyBegun, propsOf, type Element, type Props } from './element';
import { editedIds, isGesture, type EditorState } from './gesture';
import { byIndex, distinct } from './order';
import { send, type Edit } from './outbox';
import { Pace } from './pace';

export interface Scene {
  /** All elements that the editor has, also deleted ones, in drawing order. */
  elements(): readonly Element[];
  state(): EditorState;
  /** Replaces all elements; not a step to undo. */
  replace(elements: readonly Element[]): void;
}

export interface Surroundings {
  now(): number;
  random(): number;
  /** There is something to do at the next frame. */
  request(): void;
  /** The canvas does not take an edit; it will be gone from the scene. */
  refused(error: CanvasError): void;
}

type Objects = Pick<Canvas, 'objects' | 'get' | 'batch'>;

/** What the scene and the canvas last agreed upon about an element. */
interface Known {
  readonly props: Props;
  readonly version: number;
  readonly versionNonce: number;
}

export class Binding {
  private readonly known = new Map<string, Known>();
  /** Objects that may look different from their elements. */
  private readonly dirty = new Set<string>();
  /** Changed by the gesture that is under way. */
  private readonly touched = new Set<string>();
  /** Elements that the editor has dropped without marking them as deleted. */
  private readonly dropped = new Set<string>();
  /** Elements whose index is not their object's `z`, because another object has the same. */
  private strayed = new Set<string>();
  private readonly pace = new Pace();
  private lastSeen: readonly Element[] | undefined;

  constructor(
    private readonly canvas: Objects,
    private readonly scene: Scene,
    private readonly around: Surroundings,
  ) {
    this.changed('all');
  }

  /** Whether some objects share their place in the order and must be told apart (`repairs`). */
  get needsRepair(): boolean {
    return this.strayed.size > 0;
  }

  /** Objects of the canvas look different. */
  changed(ids: ReadonlySet<string> | 'all'): void {
    for (const id of ids === 'all' ? [...this.canvas.objects.keys(), ...this.known.keys()] : ids) this.dirty.add(id);
    this.around.request();
  }

  /**
   * The editor has rendered these elements. Must be called at once, with all of them: what the scene has been given and is not among them, the editor
   * has dropped.
   */
  rendered(elements: readonly Element[]): void {
    if (elements !== this.lastSeen) {
      const there = new Set(elements.map(({ id }) => id));
      for (const id of this.known.keys()) if (!there.has(id)) this.dropped.add(id);
      this.lastSeen = elements;
    }
    this.around.request();
  }

  /** One look at both sides. */
  sync(): void {
    const elements = this.scene.elements();
    const state = this.scene.state();
    const isBusy = isGesture(state);
    if (!isBusy) {
      this.touched.clear();
      this.pace.reset();
    }
    this.send(elements, state, isBusy);
    this.show(elements, state);
  }

  // --- From the scene to the canvas ---

  private send(elements: readonly Element[], state: EditorState, isBusy: boolean): void {
    const edits: Edit[] = [];
    for (const element of elements) {
      this.dropped.delete(element.id);
      const edit = this.editOf(element, state);
      if (edit === undefined) continue;
      edits.push(edit);
      if (isBusy) this.touched.add(element.id);
    }
    for (const id of this.dropped) edits.push(this.deletion(id));
    this.dropped.clear();
    send(this.canvas, edits, (ids, error) => this.refused(ids, error));
  }

  private editOf(element: Element, state: EditorState): Edit | undefined {
    const { id, version, versionNonce } = element;
    const known = this.known.get(id);
    if (known?.version === version && known.versionNonce === versionNonce) return undefined;
    if (element.isDeleted) return known && this.deletion(id);
    if (known === undefined && (!isShared(element.type) || isBarelyBegun(element))) return undefined;
    if (this.mustWait(element, state)) return undefined;
    const props = propsOf(element);
    const before = known?.props ?? this.canvas.get(id)?.props;
    this.known.set(id, { props, version, versionNonce });
    if (before === undefined) return { id, size: sizeOf(props), make: (tx) => void tx.create(props, id) };
    const change = difference(before, props);
    return change && { id, size: sizeOf(change.set), make: (tx) => tx.update(id, change.set, change.unset) };
  }

  /** A stroke that is being drawn is not sent with every frame. */
  private mustWait(element: Element, { newElement }: EditorState): boolean {
    const { id, type, points } = element;
    if (type !== 'freedraw' || newElement?.id !== id || !Array.isArray(points)) return false;
    const now = this.around.now();
    if (this.pace.isDue(id, points.length, now)) {
      this.pace.sent(id, now);
      return false;
    }
    this.around.request();
    return true;
  }

  private deletion(id: string): Edit {
    this.known.delete(id);
    return { id, size: id.length, make: (tx) => tx.delete(id) };
  }

  /** Nothing of it has been made: the scene goes back to what the canvas has. */
  private refused(ids: readonly string[], error: CanvasError): void {
    for (const id of ids) {
      this.known.set(id, { props: this.canvas.get(id)?.props ?? {}, version: -1, versionNonce: -1 });
      this.dirty.add(id);
    }
    this.around.refused(error);
  }

  // --- From the canvas to the scene ---

  private show(elements: readonly Element[], state: EditorState): void {
    if (this.dirty.size === 0 && this.strayed.size === 0) return;
    const held = new Set([...editedIds(state), ...this.touched]);
    const next = new Map(elements.map((element) => [element.id, element]));
    for (const id of new Set([...this.dirty, ...this.strayed])) {
      if (held.has(id)) continue;
      this.dirty.delete(id);
      const element = this.shownAs(id, next.get(id));
      if (element !== undefined) next.set(id, element);
    }
    const sorted = [...next.values()].sort(byIndex);
    this.tellApart(sorted, held);
    this.put(elements, sorted);
  }

  /** The element that shows an object now; undefined: as it is. */
  private shownAs(id: string, before: Element | undefined): Element | undefined {
    const { now, random } = this.around;
    const object = this.canvas.get(id);
    if (object !== undefined && isDrawable(object)) {
      return before !== undefined && isShownBy(object, before) ? undefined : elementOf(object, before, now(), random);
    }
    const wasShown = this.known.delete(id);
    return before === undefined || before.isDeleted || !wasShown ? undefined : changed(before, { isDeleted: true }, now(), random);
  }

  /** Gives elements distinct indices, and notes which of them differ from their objects'. */
  private tellApart(sorted: Element[], held: ReadonlySet<string>): void {
    const { now, random } = this.around;
    // What the editor holds on to stays as it is; what is deleted gives way to what is not.
    const rank = ({ id, isDeleted }: Element): number => (held.has(id) ? 2 : isDeleted ? 0 : 1);
    const moved = distinct(sorted, rank);
    const waiting = [...this.strayed].filter((id) => held.has(id));
    this.strayed = new Set([...waiting, ...[...moved.keys()].filter(({ isDeleted }) => !isDeleted).map(({ id }) => id)]);
    sorted.forEach((element, i) => {
      const index = moved.get(element);
      if (index !== undefined) sorted[i] = changed(element, { index }, now(), random);
    });
  }

  private put(elements: readonly Element[], sorted: readonly Element[]): void {
    const before = new Map(elements.map((element) => [element.id, element]));
    const list = sorted.map((element) => {
      const old = before.get(element.id);
      return old !== undefined && isSameBut(old, element) ? old : element;
    });
    if (list.length === elements.length && list.every((element, i) => element === elements[i])) return;
    for (const element of list) {
      const { id, version, versionNonce, isDeleted } = element;
      if (element === before.get(id) || isDeleted || this.canvas.get(id) === undefined) continue;
      this.known.set(id, { props: propsOf(element), version, versionNonce });
    }
    this.scene.replace(list);
  }
}

const isShownBy = (object: CanvasObject, element: Element): boolean => !element.isDeleted && isSame(propsOf(element), object.props);

/** Whether two states of an element differ in nothing but their version. */
function isSameBut(a: Element, b: Element): boolean {
  return a === b || (a.isDeleted === b.isDeleted && a.index === b.index && isSame(propsOf(a), propsOf(b)));
}

const sizeOf = (props: Props): number => JSON.stringify(props).length;
