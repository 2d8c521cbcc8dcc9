import type { Canvas } from '@collabcanvas/sdk';
import { Camera, type View } from './camera';
import { Pen } from './pen';
import { DARK, LIGHT, type Theme } from './palette';
import { mayEdit, onRole } from './rights';
import { followScheme, isDark } from './scheme';
import { Following } from './follow';
import { Cursors } from './render/cursors';
import { onPicture } from './render/images';
import { Leases } from './render/leases';
import { Screen } from './render/screen';
import type { Rect } from './scene/geometry';
import { unionOf, boundsOf } from './scene/geometry';
import { Scene } from './scene/scene';
import { Selection } from './selection';
import { selectedShapes } from './commands';
import { PointerInput } from './input/pointer';
import { BoxTool } from './tools/box';
import { DrawTool } from './tools/draw';
import { HandTool } from './tools/hand';
import { LineTool } from './tools/line';
import { NoteTool } from './tools/note';
import { placeInMiddle } from './tools/place';
import { SelectTool } from './tools/select/select';
import { TextTool } from './tools/text';
import { LOOKING, type NewText, type Press, type Stage, type Tool, type ToolName } from './tools/tool';

/** What the text field needs to do for the board. */
export interface TextField {
  open(target: string | NewText): void;
  close(): void;
}

/** Milliseconds that the view takes to fly to another place. */
const FLIGHT = 260;

/** The whiteboard: the scene, the view onto it, the selection, and the tool in hand. */
export class Board implements Stage {
  readonly camera = new Camera();
  readonly selection = new Selection();
  readonly pen = new Pen();
  readonly scene: Scene;
  readonly screen: Screen;
  readonly input: PointerInput;
  readonly following: Following;
  private readonly cursors: Cursors;
  private readonly leases: Leases;
  private readonly tools: Readonly<Record<ToolName, Tool>>;
  private readonly toolListeners = new Set<() => void>();
  private name: ToolName = 'select';
  private textField: TextField | undefined;
  private flight = 0;

  constructor(
    readonly canvas: Canvas,
    readonly surface: HTMLElement,
  ) {
    this.scene = new Scene(canvas);
    this.cursors = new Cursors(canvas, this.camera, this.scene);
    this.leases = new Leases(canvas, this.camera, this.scene);
    this.following = new Following(this);
    this.tools = {
      select: new SelectTool(this),
      hand: new HandTool(this),
      draw: new DrawTool(this),
      rect: new BoxTool(this, 'rect'),
      ellipse: new BoxTool(this, 'ellipse'),
      arrow: new LineTool(this, 'arrow'),
      line: new LineTool(this, 'line'),
      note: new NoteTool(this),
      text: new TextTool(this),
    };
    const theme = (): Theme => (isDark() ? DARK : LIGHT);
    this.screen = new Screen(surface, this.camera, this.scene, this.overlay(), theme());
    followScheme(() => this.screen.setTheme(theme()));
    this.input = new PointerInput(surface, this.camera, this.pointerTarget());
    this.listen();
  }

  /** Nothing is done before the board is known, nor after the last connection. */
  get isOpen(): boolean {
    const { synced, connection } = this.canvas.status;
    return synced && connection !== 'closed';
  }

  /** Whether it may be changed now, by whoever sits here. */
  get canEdit(): boolean {
    return this.isOpen && mayEdit(this.canvas);
  }

  get toolName(): ToolName {
    return this.name;
  }

  onTool(listener: () => void): void {
    this.toolListeners.add(listener);
  }

  useTextField(field: TextField): void {
    this.textField = field;
  }

  setTool(name: ToolName): void {
    if (name === this.name || !(LOOKING.has(name) || mayEdit(this.canvas))) return;
    this.tools[this.name].cancel();
    this.name = name;
    // With a drawing tool in hand the style panel is about what comes next, not about what was selected before.
    if (name !== 'select' && name !== 'hand') this.selection.clear();
    this.showCursor();
    this.redraw();
    for (const listener of this.toolListeners) listener();
  }

  editText(target: string | NewText): void {
    this.textField?.open(target);
  }

  redraw(): void {
    this.screen.redrawOverlay();
  }

  /** Makes what the tool in hand makes, in the middle of what is in sight. */
  place(): void {
    placeInMiddle(this, this.name, this.tools[this.name]);
  }

  /** Gives up what is being drawn, or the selection. */
  escape(): void {
    this.following.stop();
    this.tools[this.name].cancel();
    if (this.name === 'select') this.selection.clear();
    else this.setTool('select');
  }

  fitAll(): void {
    const bounds = this.scene.bounds();
    this.flyTo(bounds ? this.camera.fitted(bounds) : this.camera.centred({ x: 0, y: 0 }, 1));
  }

  fitSelection(): void {
    const bounds = unionOf(selectedShapes(this).map(boundsOf));
    if (bounds) this.flyTo(this.camera.fitted(bounds, 120, 2));
  }

  /** Moves the view only if this part of the canvas is not in sight. */
  reveal(rect: Rect): void {
    const { x, y, w, h } = this.camera.visible();
    const isSeen = rect.x >= x && rect.y >= y && rect.x + rect.w <= x + w && rect.y + rect.h <= y + h;
    if (!isSeen) this.flyTo(this.camera.centred({ x: rect.x + rect.w / 2, y: rect.y + rect.h / 2 }));
  }

  /** Shows a part of the canvas at once, without a flight. */
  show(rect: Rect): void {
    this.camera.set(this.camera.fitted(rect, Math.min(80, this.camera.width / 12)));
  }

  flyTo(to: View): void {
    cancelAnimationFrame(this.flight);
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) {
      this.camera.set(to);
      return;
    }
    const { x, y, zoom } = this.camera;
    const start = performance.now();
    const step = (now: number): void => {
      const t = Math.min(1, Math.max(0, (now - start) / FLIGHT));
      const eased = 1 - (1 - t) ** 3;
      // Zoom grows by factors; the place follows so that the way looks straight.
      const z = zoom * (to.zoom / zoom) ** eased;
      const share = Math.abs(to.zoom - zoom) < 1e-9 ? eased : (1 / z - 1 / zoom) / (1 / to.zoom - 1 / zoom);
      this.camera.set({ x: x + (to.x - x) * share, y: y + (to.y - y) * share, zoom: z });
      if (t < 1) this.flight = requestAnimationFrame(step);
    };
    this.flight = requestAnimationFrame(step);
  }

  private listen(): void {
    const { canvas, scene, selection } = this;
    canvas.on('change', ({ ids }) => {
      scene.apply(ids);
      this.redraw();
      selection.prune((id) => scene.get(id) !== undefined);
    });
    canvas.on('presence', () => {
      this.cursors.hear(performance.now());
      this.redraw();
    });
    selection.onChange(() => this.redraw());
    onRole(canvas, () => this.obey());
    scene.apply('all');
    onPicture(() => scene.repaint('image'));
  }

  /** The role is another: who may no longer edit puts away what is in hand. */
  private obey(): void {
    this.redraw();
    if (mayEdit(this.canvas)) return;
    this.tools[this.name].cancel();
    if (!LOOKING.has(this.name)) this.setTool('select');
    // Last, because it tells of what could not be written any more.
    this.textField?.close();
  }

  private overlay(): ConstructorParameters<typeof Screen>[3] {
    return {
      paint: (brush) => {
        this.tools[this.name].paint?.(brush);
        this.leases.paint(brush);
        this.cursors.paint(brush);
      },
      isMoving: (now) => this.cursors.isGliding(now),
    };
  }

  private pointerTarget(): ConstructorParameters<typeof PointerInput>[2] {
    const tool = (): Tool => this.tools[this.name];
    const point = (press: Press): void => {
      this.canvas.presence.set({ cursor: [Math.round(press.at.x * 10) / 10, Math.round(press.at.y * 10) / 10] });
    };
    return {
      down: (press) => {
        cancelAnimationFrame(this.flight);
        this.textField?.close();
        if (!this.isOpen) return;
        point(press);
        tool().down(press);
        this.showCursor();
      },
      move: (press) => {
        point(press);
        tool().move(press);
      },
      up: (press) => {
        tool().up(press);
        this.showCursor();
      },
      cancel: () => tool().cancel(),
      hover: (press) => {
        point(press);
        tool().hover?.(press);
        this.showCursor();
      },
      doubleClick: (press) => {
        if (this.canEdit) tool().doubleClick?.(press);
      },
      leave: () => this.canvas.presence.set({ cursor: undefined }),
      panning: (isPanning) => {
        this.surface.style.cursor = isPanning ? 'grabbing' : tool().cursor;
      },
    };
  }

  private showCursor(): void {
    this.surface.style.cursor = this.tools[this.name].cursor;
  }
}
