import type { Board } from '../board';
import { othersOn } from '../peers';
import { paintShape } from '../render/shapes';
import { followScheme } from '../scheme';
import { inflate, unionOf, type Point, type Rect } from '../scene/geometry';
import { h, oncePerFrame } from './dom';

/** CSS pixels. */
const WIDTH = 180;
const HEIGHT = 120;
/** Milliseconds between two pictures of the shapes: a map need not follow every move. */
const INTERVAL = 250;
/** Part of the whole that is left free around it. */
const MARGIN = 0.05;
const KEY = 'collabcanvas:minimap';

/** The whole board, small: where one looks, where others look; a press goes there. */
export class Minimap {
  readonly element = h('div', { class: 'panel minimap', role: 'img', 'aria-label': 'Map of the board', hidden: true });
  private readonly paper: CanvasRenderingContext2D | null;
  private readonly shapes: CanvasRenderingContext2D | null;
  private world: Rect = { x: 0, y: 0, w: 1, h: 1 };
  private paintedAt = -Infinity;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly request = oncePerFrame(() => this.paint());

  constructor(private readonly board: Board) {
    const canvas = h('canvas');
    const ratio = Math.min(2, devicePixelRatio || 1);
    const behind = document.createElement('canvas');
    for (const one of [canvas, behind]) [one.width, one.height] = [WIDTH * ratio, HEIGHT * ratio];
    this.paper = canvas.getContext('2d');
    this.shapes = behind.getContext('2d');
    this.element.append(canvas);
    this.element.hidden = !stored();
    board.camera.onChange(() => this.request());
    board.canvas.on('presence', () => this.request());
    board.scene.onDamage(() => this.soon());
    followScheme(() => this.anew());
    canvas.addEventListener('pointerdown', (e) => {
      canvas.setPointerCapture(e.pointerId);
      this.go(e);
    });
    canvas.addEventListener('pointermove', (e) => {
      if (e.buttons !== 0) this.go(e);
    });
  }

  get isShown(): boolean {
    return !this.element.hidden;
  }

  toggle(): void {
    this.element.hidden = !this.element.hidden;
    keep(this.isShown);
    this.anew();
  }

  private anew(): void {
    this.paintedAt = -Infinity;
    this.request();
  }

  private soon(): void {
    const wait = this.paintedAt + INTERVAL - performance.now();
    if (wait <= 0) this.request();
    else this.timer ??= setTimeout(this.request, wait);
  }

  private go(e: PointerEvent): void {
    const { camera } = this.board;
    const at = this.toCanvas({ x: e.offsetX, y: e.offsetY });
    camera.set(camera.centred(at));
  }

  private get scale(): number {
    return Math.min(WIDTH / this.world.w, HEIGHT / this.world.h);
  }

  private toCanvas({ x, y }: Point): Point {
    const { world, scale } = this;
    return { x: world.x + world.w / 2 + (x - WIDTH / 2) / scale, y: world.y + world.h / 2 + (y - HEIGHT / 2) / scale };
  }

  private toMap({ x, y, w, h: height }: Rect): Rect {
    const { world, scale } = this;
    return { x: WIDTH / 2 + (x - world.x - world.w / 2) * scale, y: HEIGHT / 2 + (y - world.y - world.h / 2) * scale, w: w * scale, h: height * scale };
  }

  private paint(): void {
    const { paper, shapes, board } = this;
    if (!this.isShown || !paper || !shapes) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    const seen = board.camera.visible();
    const now = performance.now();
    const fits = isWithin(seen, this.world);
    if (now - this.paintedAt >= INTERVAL || !fits) {
      this.paintedAt = now;
      const whole = unionOf([board.scene.bounds(), seen].filter((rect) => rect !== undefined)) ?? seen;
      this.world = inflate(whole, Math.max(whole.w, whole.h) * MARGIN);
      this.paintShapes(shapes);
    }
    const { canvas } = paper;
    const ratio = canvas.width / WIDTH;
    paper.setTransform(1, 0, 0, 1, 0, 0);
    paper.clearRect(0, 0, canvas.width, canvas.height);
    paper.drawImage(shapes.canvas, 0, 0);
    paper.setTransform(ratio, 0, 0, ratio, 0, 0);
    for (const { viewport, color } of othersOn(board.canvas)) if (viewport) this.frame(paper, viewport, color, 1);
    this.frame(paper, seen, board.screen.look.accent, 1.5);
  }

  private paintShapes(ctx: CanvasRenderingContext2D): void {
    const { canvas } = ctx;
    const ratio = canvas.width / WIDTH;
    const theme = this.board.screen.look;
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.clearRect(0, 0, canvas.width, canvas.height);
    const origin = this.toMap({ x: 0, y: 0, w: 0, h: 0 });
    const scale = this.scale * ratio;
    ctx.setTransform(scale, 0, 0, scale, origin.x * ratio, origin.y * ratio);
    // Most shapes are specks at this size, which cost next to nothing.
    for (const shape of this.board.scene.all()) paintShape({ ctx, theme, scale }, shape, false);
    ctx.globalAlpha = 1;
  }

  private frame(ctx: CanvasRenderingContext2D, rect: Rect, color: string, width: number): void {
    const { x, y, w, h: height } = this.toMap(rect);
    ctx.strokeStyle = color;
    ctx.lineWidth = width;
    ctx.strokeRect(x, y, w, height);
  }
}

function isWithin(inner: Rect, outer: Rect): boolean {
  return inner.x >= outer.x && inner.y >= outer.y && inner.x + inner.w <= outer.x + outer.w && inner.y + inner.h <= outer.y + outer.h;
}

function stored(): boolean {
  try {
    return localStorage.getItem(KEY) === 'shown';
  } catch {
    return false;
  }
}

function keep(isShown: boolean): void {
  try {
    localStorage.setItem(KEY, isShown ? 'shown' : 'hidden');
  } catch {
    // It holds as long as the page is open.
  }
}
