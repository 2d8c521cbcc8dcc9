/**
 * Undo and redo of one user's own edits.
 *
 * A step holds what the edits changed, not how to change it back. The way back is computed when undo is asked for, against the state of
 * that moment, and only where the state still is what we made it: so it never reverts somebody else. What the way back
 * itself changes becomes the redo step, so undo, undo, redo, redo changes nothing.
 */
import type { Effect } from './ops.js';
import type { Op } from './protocol.js';
import type { CanvasObject } from './object.js';
import type { Edit, Increment, Step, UndoSteps } from './undo-steps.js';
import { merged, putSlot, sameValue, slotOf, type Props, type Slot } from './value.js';

/** Where the effects of a batch are recorded. */
export type Recording = 'edit' | 'undo' | 'redo';

export class Undo {
  readonly #done: Step[] = [];
  readonly #undone: Step[] = [];
  #gestures = 0;
  #isGestureFresh = false;
  readonly #depth: number;

  /** @param depth how many steps are kept; the oldest are forgotten */
  constructor(depth: number) {
    this.#depth = depth;
  }

  get canUndo(): boolean {
    return this.#done.length > 0;
  }

  get canRedo(): boolean {
    return this.#undone.length > 0;
  }

  get isInGesture(): boolean {
    return this.#gestures > 0;
  }

  /** All steps, as they are now. */
  get steps(): UndoSteps {
    return { done: this.#done, undone: this.#undone };
  }

  /** Goes on with what an earlier page has kept: its steps lie below those made here. */
  adopt({ done, undone }: UndoSteps): void {
    this.#done.unshift(...done);
    if (this.#undone.length === 0) this.#undone.push(...undone);
  }

  /** Batches from here to the matching `endGesture` are one step. Gestures nest; the outermost counts. */
  beginGesture(): void {
    if (this.#gestures === 0) this.#isGestureFresh = true;
    this.#gestures += 1;
  }

  endGesture(): void {
    if (this.#gestures > 0) this.#gestures -= 1;
  }

  /**
   * Notes what a batch of ours did.
   * @param batch its key
   * @param isContinued the batch goes on with what the last one began (a step too large for one batch)
   */
  record(batch: number, effects: readonly Effect[], recording: Recording, isContinued = false): void {
    const isJoining = isContinued || (recording === 'edit' && this.isInGesture && !this.#isGestureFresh);
    const stack = recording === 'undo' ? this.#undone : this.#done;
    const joined = isJoining ? stack.at(-1) : undefined;
    const step = joined ?? { edits: new Map<string, Edit>(), increments: [] };
    for (const effect of effects) addEffect(step, batch, effect);
    if (joined === undefined && !isEmpty(step)) {
      stack.push(step);
      if (stack.length > this.#depth) stack.shift();
      if (recording === 'edit') this.#isGestureFresh = false;
    }
    if (recording === 'edit') this.#undone.length = 0;
  }

  /** A batch was refused: its increments never happened. Its other edits show that by themselves. */
  refused(batch: number): void {
    for (const stack of [this.#done, this.#undone]) {
      for (const step of stack) step.increments = step.increments.filter((increment) => increment.batch !== batch);
      stack.splice(0, stack.length, ...stack.filter((step) => !isEmpty(step)));
    }
  }

  /** Takes the last step off and returns the ops that take it back; empty when others have overtaken all of it. */
  takeUndo(objects: ReadonlyMap<string, CanvasObject>): Op[] {
    return this.#take(this.#done, objects);
  }

  takeRedo(objects: ReadonlyMap<string, CanvasObject>): Op[] {
    return this.#take(this.#undone, objects);
  }

  #take(stack: Step[], objects: ReadonlyMap<string, CanvasObject>): Op[] {
    // A gesture that is under way ends here: its rest is another step.
    this.#isGestureFresh = this.isInGesture;
    const step = stack.pop();
    return step === undefined ? [] : inverse(step, objects);
  }
}

function isEmpty(step: Step): boolean {
  return step.edits.size === 0 && step.increments.length === 0;
}

/** Adds one op's effect to what the step did so far. */
function addEffect(step: Step, batch: number, { op, before, after }: Effect): void {
  const { id } = op;
  const edit = step.edits.get(id);
  if (op.op === 'increment') {
    if (before === undefined) return;
    // On an object that this step created, the sum is simply part of the creation; the same for a property that it set.
    const isPart = edit?.after !== undefined && (edit.before === undefined || namesIn(edit).has(op.prop));
    if (!isPart) {
      step.increments.push({ batch, id, prop: op.prop, by: op.by, before: slotOf(before.props, op.prop) });
      return;
    }
  }
  const whole = combined(combined(edit, before && absorbed(step, op, before)), editBetween(before?.props, after?.props));
  if (whole === undefined) step.edits.delete(id);
  else step.edits.set(id, whole);
}

/** Increments of a property that is now overwritten are no longer amounts to take back, but part of what was there before. */
function absorbed(step: Step, op: Op, object: CanvasObject): Edit | undefined {
  const touched = new Set(touchedProps(op, object));
  const [before, after]: [Props, Props] = [{}, {}];
  const gone = new Set<string>();
  step.increments = step.increments.filter(({ id, prop, before: first }) => {
    if (id !== op.id || !touched.has(prop)) return true;
    if (!gone.has(prop)) {
      gone.add(prop);
      putSlot(before, prop, first);
      putSlot(after, prop, slotOf(object.props, prop));
    }
    return false;
  });
  return gone.size === 0 ? undefined : { before, after };
}

function touchedProps(op: Op, object: CanvasObject): Iterable<string> {
  if (op.op === 'increment') return [op.prop];
  if (op.op === 'delete') return Object.keys(object.props);
  return op.op === 'update' ? [...Object.keys(op.set ?? {}), ...(op.unset ?? [])] : [];
}

/** What made the one of the other; undefined when they are the same. */
function editBetween(before: Readonly<Props> | undefined, after: Readonly<Props> | undefined): Edit | undefined {
  if (before === undefined || after === undefined) return before === after ? undefined : { before, after };
  const [was, is]: [Props, Props] = [{}, {}];
  const names = [...namesIn({ before, after })].filter((name) => !sameSlot(slotOf(before, name), slotOf(after, name)));
  for (const name of names) {
    putSlot(was, name, slotOf(before, name));
    putSlot(is, name, slotOf(after, name));
  }
  return names.length === 0 ? undefined : { before: was, after: is };
}

const namesIn = ({ before, after }: Edit): Set<string> => new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);

/** One edit after another on the same object; undefined when nothing is left of both. */
function combined(first: Edit | undefined, second: Edit | undefined): Edit | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  // The second did not begin where the first had ended: somebody else has created or deleted the object in between.
  if ((first.after === undefined) !== (second.before === undefined)) return second;
  return editBetween(first.before && overlaid(second.before, first, 'before'), second.after && overlaid(first.after, second, 'after'));
}

/** Properties, but those that an edit has to do with as they are on one side of it. */
function overlaid(props: Readonly<Props> = {}, edit: Edit, side: keyof Edit): Props {
  const these = edit[side] ?? {};
  return merged(props, these, [...namesIn(edit)].filter((name) => !Object.hasOwn(these, name)));
}

/** The ops that take a step back, where the state still is what the step left behind. */
function inverse(step: Step, objects: ReadonlyMap<string, CanvasObject>): Op[] {
  const ops: Op[] = [];
  for (const [id, edit] of step.edits) {
    const op = inverseOfEdit(id, edit, objects.get(id));
    if (op !== undefined) ops.push(op);
  }
  const sums = new Map<string, Increment>();
  for (const increment of step.increments) {
    const key = `${increment.id} ${increment.prop}`;
    const sum = sums.get(key);
    sums.set(key, sum === undefined ? increment : { ...sum, by: plus(sum.by, increment.by) });
  }
  for (const sum of sums.values()) {
    const op = inverseOfIncrement(sum, objects.get(sum.id));
    if (op !== undefined) ops.push(op);
  }
  return ops;
}

function plus(a: number | bigint, b: number | bigint): number | bigint {
  return typeof a === 'number' && typeof b === 'number' ? a + b : BigInt(a) + BigInt(b);
}

function inverseOfEdit(id: string, edit: Edit, object: CanvasObject | undefined): Op | undefined {
  const { before, after } = edit;
  if (after === undefined) return object === undefined && before !== undefined ? { op: 'create', id, props: before } : undefined;
  if (object === undefined) return undefined;
  // Deleting what others have worked on would take that with it.
  if (before === undefined) return isUntouched(object.props, after) ? { op: 'delete', id } : undefined;
  const set: Props = {};
  const unset: string[] = [];
  for (const name of namesIn(edit)) {
    if (!sameSlot(slotOf(object.props, name), slotOf(after, name))) continue;
    if (Object.hasOwn(before, name)) putSlot(set, name, slotOf(before, name));
    else unset.push(name);
  }
  if (Object.keys(set).length === 0 && unset.length === 0) return undefined;
  return { op: 'update', id, set, ...(unset.length > 0 && { unset }) };
}

function inverseOfIncrement({ id, prop, by, before }: Increment, object: CanvasObject | undefined): Op | undefined {
  const value = object && slotOf(object.props, prop)?.value;
  if ((typeof value !== 'number' && typeof value !== 'bigint') || Number(by) === 0) return undefined;
  // The property came with the increment, and nobody has added to it: it goes as well.
  if (before === undefined && Number(value) === Number(by)) return { op: 'update', id, unset: [prop] };
  return { op: 'increment', id, prop, by: -by };
}

/** Others may have moved it in the drawing order, and so may the server; that is no content. */
function isUntouched(now: Readonly<Props>, then: Readonly<Props>): boolean {
  const content = ({ z: _, ...rest }: Readonly<Props>): Props => rest;
  return sameValue(content(now), content(then));
}

function sameSlot(a: Slot | undefined, b: Slot | undefined): boolean {
  return a === undefined || b === undefined ? a === b : sameValue(a.value, b.value);
}
