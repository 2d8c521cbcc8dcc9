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
import { assign, merged, putSlot, sameValue, slotOf, type Props, type Slot } from './value.js';

/** What a step did to a property: undefined stands for "absent". */
interface Transition {
  readonly before: Slot | undefined;
  readonly after: Slot | undefined;
}

/** What a step did to one object. */
type Edit =
  | { readonly kind: 'created'; readonly props: Readonly<Props> }
  | { readonly kind: 'deleted'; readonly props: Readonly<Props> }
  | { readonly kind: 'changed'; readonly props: ReadonlyMap<string, Transition> };

/** Increments are kept apart: they are taken back by amount, whatever others have added, and only if their batch was not refused. */
interface Increment {
  readonly batch: number;
  readonly id: string;
  readonly prop: string;
  readonly by: number | bigint;
  readonly before: Slot | undefined;
}

interface Step {
  readonly edits: Map<string, Edit>;
  readonly increments: Increment[];
}

/** Where the effects of a batch are recorded. */
export type Recording = 'edit' | 'undo' | 'redo';

export class Undo {
  private readonly done: Step[] = [];
  private readonly undone: Step[] = [];
  private gestures = 0;
  private isGestureFresh = false;

  /** @param depth how many steps are kept; the oldest are forgotten */
  constructor(private readonly depth: number) {}

  get canUndo(): boolean {
    return this.done.length > 0;
  }

  get canRedo(): boolean {
    return this.undone.length > 0;
  }

  get isInGesture(): boolean {
    return this.gestures > 0;
  }

  /** Batches from here to the matching `endGesture` are one step. Gestures nest; the outermost counts. */
  beginGesture(): void {
    if (this.gestures === 0) this.isGestureFresh = true;
    this.gestures += 1;
  }

  endGesture(): void {
    if (this.gestures > 0) this.gestures -= 1;
  }

  /**
   * Notes what a batch of ours did.
   * @param batch its key
   * @param isContinued the batch goes on with what the last one began (a step too large for one batch)
   */
  record(batch: number, effects: readonly Effect[], recording: Recording, isContinued = false): void {
    const isJoining = isContinued || (recording === 'edit' && this.isInGesture && !this.isGestureFresh);
    const stack = recording === 'undo' ? this.undone : this.done;
    const joined = isJoining ? stack.at(-1) : undefined;
    const step = joined ?? { edits: new Map<string, Edit>(), increments: [] };
    for (const effect of effects) addEffect(step, batch, effect);
    if (joined === undefined && !isEmpty(step)) {
      stack.push(step);
      if (stack.length > this.depth) stack.shift();
      if (recording === 'edit') this.isGestureFresh = false;
    }
    if (recording === 'edit') this.undone.length = 0;
  }

  /** A batch was refused: its increments never happened. Its other edits show that by themselves. */
  refused(batch: number): void {
    for (const stack of [this.done, this.undone]) {
      for (let i = stack.length - 1; i >= 0; i -= 1) {
        const { increments, edits } = stack[i] as Step;
        const kept = increments.filter((increment) => increment.batch !== batch);
        increments.splice(0, increments.length, ...kept);
        if (kept.length === 0 && edits.size === 0) stack.splice(i, 1);
      }
    }
  }

  /** Takes the last step off and returns the ops that take it back; empty when others have overtaken all of it. */
  takeUndo(objects: ReadonlyMap<string, CanvasObject>): Op[] {
    // A gesture that is under way ends here: its rest is another step.
    this.isGestureFresh = this.isInGesture;
    const step = this.done.pop();
    return step === undefined ? [] : inverse(step, objects);
  }

  takeRedo(objects: ReadonlyMap<string, CanvasObject>): Op[] {
    this.isGestureFresh = this.isInGesture;
    const step = this.undone.pop();
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
    if (edit?.kind !== 'created' && !(edit?.kind === 'changed' && edit.props.has(op.prop))) {
      step.increments.push({ batch, id, prop: op.prop, by: op.by, before: slotOf(before.props, op.prop) });
      return;
    }
  }
  const whole = combined(combined(edit, before && absorbed(step, op, before)), editOf(op, before, after));
  if (whole === undefined) step.edits.delete(id);
  else step.edits.set(id, whole);
}

/** Increments of a property that is now overwritten are no longer amounts to take back, but part of what was there before. */
function absorbed(step: Step, op: Op, object: CanvasObject): Edit | undefined {
  const touched = new Set(op.op === 'delete' ? Object.keys(object.props) : touchedProps(op));
  const props = new Map<string, Transition>();
  const kept = step.increments.filter((increment) => {
    const { id, prop } = increment;
    if (id !== op.id || !touched.has(prop)) return true;
    if (!props.has(prop)) props.set(prop, { before: increment.before, after: slotOf(object.props, prop) });
    return false;
  });
  step.increments.splice(0, step.increments.length, ...kept);
  return props.size === 0 ? undefined : { kind: 'changed', props };
}

function editOf(op: Op, before: CanvasObject | undefined, after: CanvasObject | undefined): Edit | undefined {
  if (before === undefined) return after && { kind: 'created', props: after.props };
  if (after === undefined) return { kind: 'deleted', props: before.props };
  return changedEdit(before.props, after.props, touchedProps(op));
}

function touchedProps(op: Op): Iterable<string> {
  if (op.op === 'increment') return [op.prop];
  return op.op === 'update' ? [...Object.keys(op.set ?? {}), ...(op.unset ?? [])] : [];
}

function changedEdit(before: Readonly<Props>, after: Readonly<Props>, names: Iterable<string>): Edit | undefined {
  const props = new Map<string, Transition>();
  for (const name of names) {
    const transition = { before: slotOf(before, name), after: slotOf(after, name) };
    if (!sameSlot(transition.before, transition.after)) props.set(name, transition);
  }
  return props.size === 0 ? undefined : { kind: 'changed', props };
}

/** One edit after another on the same object; undefined when nothing is left of both. */
function combined(first: Edit | undefined, second: Edit | undefined): Edit | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  if (first.kind === 'created') {
    if (second.kind === 'deleted') return undefined;
    return second.kind === 'changed' ? { kind: 'created', props: withTransitions(first.props, second.props, 'after') } : second;
  }
  if (first.kind === 'deleted') {
    if (second.kind !== 'created') return second;
    return changedEdit(first.props, second.props, new Set([...Object.keys(first.props), ...Object.keys(second.props)]));
  }
  if (second.kind === 'deleted') return { kind: 'deleted', props: withTransitions(second.props, first.props, 'before') };
  if (second.kind === 'created') return second;
  const props = new Map(first.props);
  for (const [name, { before, after }] of second.props) {
    const joined = { before: first.props.has(name) ? first.props.get(name)?.before : before, after };
    if (sameSlot(joined.before, after)) props.delete(name);
    else props.set(name, joined);
  }
  return props.size === 0 ? undefined : { kind: 'changed', props };
}

function withTransitions(props: Readonly<Props>, transitions: ReadonlyMap<string, Transition>, side: keyof Transition): Props {
  const set: Props = {};
  const unset: string[] = [];
  for (const [name, transition] of transitions) {
    const slot = transition[side];
    if (slot === undefined) unset.push(name);
    else putSlot(set, name, slot);
  }
  return merged(props, set, unset);
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
  switch (edit.kind) {
    case 'created':
      // Deleting it would take what others have added with it.
      return object !== undefined && isUntouched(object.props, edit.props) ? { op: 'delete', id } : undefined;
    case 'deleted':
      return object === undefined ? { op: 'create', id, props: edit.props } : undefined;
    case 'changed': {
      if (object === undefined) return undefined;
      const set: Props = {};
      const unset: string[] = [];
      for (const [name, { before, after }] of edit.props) {
        if (!sameSlot(slotOf(object.props, name), after)) continue;
        if (before === undefined) unset.push(name);
        else putSlot(set, name, before);
      }
      if (Object.keys(set).length === 0 && unset.length === 0) return undefined;
      return { op: 'update', id, set, ...(unset.length > 0 && { unset }) };
    }
  }
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
  const rest = (props: Readonly<Props>): Props => {
    const copy: Props = {};
    for (const [name, value] of Object.entries(props)) if (name !== 'z') assign(copy, name, value);
    return copy;
  };
  return sameValue(rest(now), rest(then));
}

function sameSlot(a: Slot | undefined, b: Slot | undefined): boolean {
  return a === undefined || b === undefined ? a === b : sameValue(a.value, b.value);
}
