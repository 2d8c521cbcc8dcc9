/** Undo steps as a value, in which they outlive their page. */
import type { Edit, Increment, Step, UndoSteps } from '../undo-steps.js';
import { putSlot, slotOf, type Props, type Value } from '../value.js';

/** Steps as a value that can be kept. */
export const valueOfUndo = ({ done, undone }: UndoSteps): Value => [valueOfSteps(done), valueOfSteps(undone)];

/** Reads what `valueOfUndo` made. @throws TypeError for anything else */
export function undoOf(value: Value): UndoSteps {
  const [done, undone] = list(value);
  return { done: stepsOf(done), undone: stepsOf(undone) };
}

function valueOfSteps(steps: readonly Step[]): Value {
  return steps.map(({ edits, increments }) => [[...edits].map(([id, edit]) => valueOfEdit(id, edit)), increments.map(valueOfIncrement)]);
}

function stepsOf(value: Value | undefined): Step[] {
  return list(value).map((step) => {
    const [edits, increments] = list(step);
    return { edits: new Map(list(edits).map(editOf)), increments: list(increments).map(incrementOf) };
  });
}

function valueOfEdit(id: string, { before, after }: Edit): Value {
  if (before === undefined) return [id, 'created', after as Props];
  return after === undefined ? [id, 'deleted', before] : [id, 'changed', before, after];
}

function editOf(value: Value): [string, Edit] {
  const [id, kind, first, second] = list(value);
  if (typeof id !== 'string') throw new TypeError('not an edit');
  if (kind === 'created') return [id, { before: undefined, after: map(first) }];
  return [id, { before: map(first), after: kind === 'deleted' ? undefined : map(second) }];
}

function valueOfIncrement({ batch, id, prop, by, before }: Increment): Value {
  const props: Props = {};
  putSlot(props, prop, before);
  return [batch, id, prop, by, props];
}

function incrementOf(value: Value): Increment {
  const [batch, id, prop, by, props] = list(value);
  if (typeof batch !== 'number' || typeof id !== 'string' || typeof prop !== 'string' || (typeof by !== 'number' && typeof by !== 'bigint')) {
    throw new TypeError('not an increment');
  }
  return { batch, id, prop, by, before: slotOf(map(props), prop) };
}

function list(value: Value | undefined): Value[] {
  if (!Array.isArray(value)) throw new TypeError('not a list');
  return value;
}

function map(value: Value | undefined): Props {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError('not a map');
  return value as Props;
}
