import type { HeldLease } from '@collabcanvas/sdk';
import type { Board } from '../board';
import { createInFront } from '../commands';
import { LiveEdit } from '../live-edit';
import { mayEdit } from '../rights';
import { cornersOf, rotatePoint, type Point } from '../scene/geometry';
import { DEFAULT_FONT_SIZE, type Shape } from '../scene/shape';
import { layoutOf, PADDING, textColour } from '../render/shapes';
import { FONT_FAMILY, heightOf, layoutText, LEADING } from '../render/text';
import type { NewText } from '../tools/tool';
import { h } from './dom';

/** What is being written: an object's text, or a text that becomes an object with its first letter. */
interface Session {
  id: string | undefined;
  readonly at: Point;
  edit: LiveEdit;
  /** Nobody else writes in it meanwhile. */
  lease: HeldLease | undefined;
}

/** CSS pixels to leave below a text when the view moves to show it. */
const MARGIN = 24;

/** The text field that lies exactly over the text being edited. */
export class TextEditor {
  readonly element: HTMLElement;
  private readonly field: HTMLTextAreaElement;
  private session: Session | undefined;

  constructor(private readonly board: Board) {
    this.field = h('textarea', { 'aria-label': 'Text', spellcheck: 'false', rows: '1' });
    this.element = h('div', { class: 'text-editor', hidden: true }, this.field);
    this.field.style.fontFamily = FONT_FAMILY;
    this.field.style.lineHeight = String(LEADING);
    this.field.addEventListener('input', () => this.write());
    this.field.addEventListener('blur', () => this.close());
    this.field.addEventListener('keydown', (e) => this.onKey(e));
    board.camera.onChange(() => this.place());
    board.scene.onDamage(() => this.follow());
    // A phone's keyboard comes up a moment after the field opens, and covers the lower half.
    visualViewport?.addEventListener('resize', () => this.reveal());
  }

  open(target: string | NewText): void {
    this.close();
    const { canvas, scene, selection } = this.board;
    const shape = typeof target === 'string' ? scene.get(target) : undefined;
    if (!this.board.canEdit || (typeof target === 'string' && !shape)) return;
    const at = typeof target === 'string' ? { x: 0, y: 0 } : { x: target.at.x, y: target.at.y - (DEFAULT_FONT_SIZE * LEADING) / 2 };
    // Refused at once when it is known that somebody else is writing there.
    const lease = shape && this.leased(shape.id);
    this.session = { id: shape?.id, at, edit: new LiveEdit(canvas, scene), lease };
    scene.setEditing(shape?.id);
    selection.clear();
    this.field.value = shape?.text ?? '';
    this.element.hidden = false;
    this.place();
    this.field.focus({ preventScroll: true });
    this.field.select();
  }

  close(): void {
    const session = this.session;
    if (!session) return;
    this.session = undefined;
    this.board.scene.setEditing(undefined);
    // A hidden field keeps the keyboard until the next frame: the shortcut typed right after would be lost.
    this.field.blur();
    this.element.hidden = true;
    const shape = session.id === undefined ? undefined : this.board.scene.get(session.id);
    const isEmptyText = shape?.type === 'text' && shape.text.trim() === '';
    if (shape && isEmptyText && mayEdit(this.board.canvas)) session.edit.run(() => this.board.canvas.batch((tx) => tx.delete(shape.id)));
    try {
      session.edit.end();
    } finally {
      session.lease?.release();
    }
    if (shape && !isEmptyText) this.board.selection.set([shape.id]);
  }

  private leased(id: string): HeldLease {
    const stop = (): void => {
      if (this.session?.id === id) this.close();
    };
    const lease = this.board.canvas.lease([id], { lost: stop });
    lease.held.catch(stop);
    return lease;
  }

  /** Moves the view until what is written can be seen. */
  private reveal(): void {
    if (!this.session) return;
    const bottom = this.element.getBoundingClientRect().bottom + MARGIN;
    const seen = visualViewport?.height ?? innerHeight;
    if (bottom > seen) this.board.camera.panBy(0, seen - bottom);
  }

  private onKey(e: KeyboardEvent): void {
    e.stopPropagation();
    if (e.key !== 'Escape' && !(e.key === 'Enter' && (e.ctrlKey || e.metaKey))) return;
    e.preventDefault();
    this.close();
  }

  private write(): void {
    const session = this.session;
    if (!session) return;
    const text = this.field.value;
    if (session.id === undefined) {
      if (text.trim() === '') return;
      session.id = session.edit.run(() => this.create(text, session.at));
      if (session.id !== undefined) session.lease = this.leased(session.id);
      this.board.scene.setEditing(session.id);
    } else {
      const shape = this.board.scene.get(session.id);
      if (shape) session.edit.update(shape.id, { text, ...sizeFor(shape, text) });
      session.edit.flush();
    }
    this.place();
  }

  private create(text: string, at: Point): string | undefined {
    const layout = layoutText(text, Infinity, DEFAULT_FONT_SIZE);
    const box = { x: Math.round(at.x), y: Math.round(at.y), w: layout.width, h: heightOf(layout), rotation: 0 };
    const look = this.board.pen.lineProps();
    const [id] = createInFront(this.board, [{ type: 'text', ...box, text, fontSize: DEFAULT_FONT_SIZE, stroke: look.stroke, opacity: look.opacity }]);
    return id;
  }

  /** Somebody else deleted or moved what is being written. */
  private follow(): void {
    const id = this.session?.id;
    if (id === undefined) return;
    if (this.board.scene.get(id)) this.place();
    else this.close();
  }

  private place(): void {
    const { session, field, element } = this;
    if (!session) return;
    const { camera, scene, screen, pen } = this.board;
    const shape = session.id === undefined ? undefined : scene.get(session.id);
    const corner = camera.toScreen(shape ? cornersOf(shape)[0] : session.at);
    element.style.transform = `translate(${corner.x}px, ${corner.y}px) rotate(${shape?.rotation ?? 0}rad) scale(${camera.zoom})`;
    const isLabel = shape !== undefined && shape.type !== 'text';
    element.classList.toggle('label', isLabel);
    const drawn = shape && { ...shape, text: field.value };
    const layout = drawn ? layoutOf(drawn) : layoutText(field.value, Infinity, DEFAULT_FONT_SIZE);
    field.style.fontSize = `${layout.fontSize}px`;
    field.style.color = drawn ? textColour(drawn, screen.look) : (screen.look.paint(pen.lineProps().stroke) ?? '');
    element.style.width = isLabel ? `${shape.w}px` : `${layout.width + layout.fontSize}px`;
    element.style.height = isLabel ? `${shape.h}px` : `${heightOf(layout)}px`;
    field.style.height = `${heightOf(layout)}px`;
    field.style.width = isLabel ? `${Math.max(20, shape.w - 2 * PADDING) + 2}px` : '100%';
  }
}

/** A text is as large as its words; its turned top left corner stays where it is. */
function sizeFor(shape: Shape, text: string): Record<string, number> {
  if (shape.type !== 'text') return {};
  const layout = layoutText(text, Infinity, shape.fontSize);
  const w = layout.width;
  const height = heightOf(layout);
  const corner = cornersOf(shape)[0];
  const centre = rotatePoint({ x: corner.x + w / 2, y: corner.y + height / 2 }, corner, shape.rotation);
  return { x: centre.x - w / 2, y: centre.y - height / 2, w, h: height };
}
