/** What undo remembers of one user's steps. Only types; how they outlive a page, `offline/steps.ts` says. */
import type { Props, Slot } from './value.js';

/** What a step did to one object: what it was, and what it became. */
export interface Edit {
  /** Undefined: the step created the object. */
  readonly before: Readonly<Props> | undefined;
  /** Undefined: the step deleted the object. When it did neither, both sides have only the properties that differ. */
  readonly after: Readonly<Props> | undefined;
}

/** Increments are kept apart: they are taken back by amount, whatever others have added, and only if their batch was not refused. */
export interface Increment {
  readonly batch: number;
  readonly id: string;
  readonly prop: string;
  readonly by: number | bigint;
  readonly before: Slot | undefined;
}

export interface Step {
  readonly edits: Map<string, Edit>;
  increments: Increment[];
}

/** All of a user's steps. */
export interface UndoSteps {
  /** What can be undone, the latest last. */
  readonly done: readonly Step[];
  /** What can be redone, the latest last. */
  readonly undone: readonly Step[];
}
