import { keyBetween, type Canvas } from '@collabcanvas/sdk';
import type { Camera } from '../camera';
import type { Theme } from '../palette';
import type { Pen } from '../pen';
import type { Point } from '../scene/geometry';
import type { Scene } from '../scene/scene';
import type { Selection } from '../selection';

export const TOOL_NAMES = ['select', 'hand', 'draw', 'rect', 'ellipse', 'arrow', 'line', 'note', 'text'] as const;
export type ToolName = (typeof TOOL_NAMES)[number];
/** Tools for those who may only look. */
export const LOOKING: ReadonlySet<ToolName> = new Set(['select', 'hand']);

/** One position of the mouse, pen or finger. */
export interface Press {
  /** On the canvas. */
  readonly at: Point;
  /** CSS pixels from the top left corner of the board. */
  readonly screen: Point;
  /** Positions since the last event, this one last; more than one with a fast pen. */
  readonly trail: readonly Point[];
  readonly shift: boolean;
  readonly alt: boolean;
  /** Ctrl or Cmd: nothing is pulled into line. */
  readonly free: boolean;
  readonly touch: boolean;
}

/** What the text field needs to start a text that does not exist yet. */
export interface NewText {
  readonly at: Point;
}

/** The board as tools see it. */
export interface Stage {
  readonly canvas: Canvas;
  readonly camera: Camera;
  readonly scene: Scene;
  readonly selection: Selection;
  readonly pen: Pen;
  setTool(name: ToolName): void;
  /** Opens the text field on an object, or for a new text. */
  editText(target: string | NewText): void;
  /** The selection, handles or another thing above the scene looks different now. */
  redraw(): void;
}

export interface OverlayBrush {
  /** CSS pixels. */
  readonly ctx: CanvasRenderingContext2D;
  readonly camera: Camera;
  readonly theme: Theme;
}

/** A way to use the pointer. `down` … `move` … `up` or `cancel`; `hover` moves without a button. */
export interface Tool {
  /** A CSS cursor. */
  readonly cursor: string;
  down(press: Press): void;
  move(press: Press): void;
  up(press: Press): void;
  /** A second finger came, or the tool was changed: nothing of this press must remain. */
  cancel(): void;
  hover?(press: Press): void;
  doubleClick?(press: Press): void;
  paint?(brush: OverlayBrush): void;
}

/** The part of a tool that lasts from the start of a drag to its end. */
export interface Drag {
  move(press: Press): void;
  end(press: Press): void;
  cancel(): void;
  paint?(brush: OverlayBrush): void;
}

/** CSS pixels that a press may wander and still be a click. */
export const slackOf = (press: Press): number => (press.touch ? 8 : 3);

/** The order key of a new object in front of all others. */
export function frontKey(canvas: Canvas): string {
  const z = canvas.ordered().at(-1)?.props['z'];
  return keyBetween(typeof z === 'string' ? z : null, null);
}
