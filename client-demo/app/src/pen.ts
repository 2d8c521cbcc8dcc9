import { fillFor, INK, NO_FILL, YELLOW, type Colour, type FillStyle } from './palette';

/** What the next shape will look like. */
export interface PenState {
  readonly colour: Colour;
  readonly fill: FillStyle;
  readonly strokeWidth: number;
  readonly opacity: number;
}

export const STROKE_WIDTHS = [
  { name: 'Thin', value: 2 },
  { name: 'Medium', value: 4 },
  { name: 'Thick', value: 8 },
] as const;

/** Holds the pen's state and turns it into properties of objects. */
export class Pen {
  private state: PenState = { colour: INK, fill: 'none', strokeWidth: 4, opacity: 1 };
  private readonly listeners = new Set<() => void>();

  get current(): PenState {
    return this.state;
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  set(change: Partial<PenState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }

  /** Properties of a new rectangle or ellipse. */
  boxProps(): { stroke: string; fill: string; strokeWidth: number; opacity: number } {
    return { ...this.lineProps(), fill: fillFor(this.state.fill, this.state.colour) };
  }

  /** Properties of a new line, arrow, freehand stroke or text. */
  lineProps(): { stroke: string; fill: string; strokeWidth: number; opacity: number } {
    const { colour, strokeWidth, opacity } = this.state;
    return { stroke: colour.light.ink, fill: NO_FILL, strokeWidth, opacity };
  }

  /** Properties of a new note: black ink means the usual yellow paper. */
  noteProps(): { stroke: string; fill: string; strokeWidth: number; opacity: number } {
    const paper = this.state.colour === INK ? YELLOW : this.state.colour;
    return { stroke: NO_FILL, fill: paper.light.note, strokeWidth: 0, opacity: this.state.opacity };
  }
}
