import type { Camera } from '../camera';
import type { Theme } from '../palette';
import type { Scene } from '../scene/scene';
import type { OverlayBrush } from '../tools/tool';
import { drawBackdrop } from './backdrop';
import { Tiles } from './tiles';

/** More device pixels than this per CSS pixel cost time and show nothing. */
const MAX_PIXEL_RATIO = 2;
/** Frame times that `durations` remembers. */
const REMEMBERED = 600;
/** Milliseconds without a request after which the next frame begins something new, and its time means nothing. */
const PAUSE = 40;

/** What lies above the scene. */
export interface Overlay {
  paint(brush: OverlayBrush): void;
  /** Whether it moves by itself and wants the next frame too. */
  isMoving(now: number): boolean;
}

/**
 * The two canvases of the board, the scene below and everything that moves above it, and the loop that paints them:
 * only when something is out of date, at most once a frame.
 */
export class Screen {
  private readonly scenePaper: CanvasRenderingContext2D;
  private readonly overlayPaper: CanvasRenderingContext2D;
  private readonly tiles: Tiles;
  private sceneStale = true;
  private overlayStale = true;
  private requested = false;
  private lastFrame = -Infinity;
  private isPause = true;
  private times: number[] = [];
  private pixelRatio = 1;
  private readonly completed = new Set<() => void>();

  constructor(
    private readonly host: HTMLElement,
    private readonly camera: Camera,
    scene: Scene,
    private readonly overlay: Overlay,
    private theme: Theme,
  ) {
    this.scenePaper = paperIn(host, 'scene', false);
    this.overlayPaper = paperIn(host, 'overlay', true);
    this.tiles = new Tiles(scene, theme);
    scene.onDamage(() => this.redrawAll());
    camera.onChange(() => this.redrawAll());
    new ResizeObserver(() => this.fit()).observe(host);
    this.fit();
  }

  /** The colour scheme in use. */
  get look(): Theme {
    return this.theme;
  }

  /** Milliseconds between the latest frames, those after a pause left out. */
  durations(): readonly number[] {
    return this.times;
  }

  /** Calls back once, when the scene is painted whole and sharp. */
  onceComplete(f: () => void): void {
    this.completed.add(f);
    this.redrawAll();
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    this.tiles.setTheme(theme);
    this.redrawAll();
  }

  redrawOverlay(): void {
    this.overlayStale = true;
    this.request();
  }

  private redrawAll(): void {
    this.sceneStale = true;
    this.redrawOverlay();
  }

  private request(): void {
    if (this.requested) return;
    this.requested = true;
    this.isPause = performance.now() - this.lastFrame > PAUSE;
    requestAnimationFrame((now) => this.paint(now));
  }

  private fit(): void {
    const { clientWidth: w, clientHeight: h } = this.host;
    this.pixelRatio = Math.min(MAX_PIXEL_RATIO, devicePixelRatio || 1);
    for (const { canvas } of [this.scenePaper, this.overlayPaper]) {
      canvas.width = Math.round(w * this.pixelRatio);
      canvas.height = Math.round(h * this.pixelRatio);
    }
    this.camera.resize(w, h);
    this.redrawAll();
    // A resized canvas is blank until it is painted: waiting a frame would flash.
    this.paintScene(performance.now());
  }

  private paint(now: number): void {
    this.requested = false;
    if (!this.isPause) this.times.push(now - this.lastFrame);
    this.lastFrame = now;
    if (this.times.length > REMEMBERED) this.times = this.times.slice(-REMEMBERED / 2);
    if (this.sceneStale) this.paintScene(now);
    if (this.overlayStale || this.overlay.isMoving(now)) this.paintOverlay();
    if (this.sceneStale || this.overlay.isMoving(now)) this.request();
  }

  private paintScene(now: number): void {
    const { width: w, height: h } = this.scenePaper.canvas;
    const { x, y, zoom } = this.camera;
    const frame = { ctx: this.scenePaper, x, y, scale: zoom * this.pixelRatio, w, h, now };
    drawBackdrop(frame, this.theme, this.pixelRatio);
    this.sceneStale = !this.tiles.draw(frame);
    if (this.sceneStale) return;
    for (const f of this.completed) f();
    this.completed.clear();
  }

  private paintOverlay(): void {
    const ctx = this.overlayPaper;
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.clearRect(0, 0, ctx.canvas.width, ctx.canvas.height);
    ctx.setTransform(this.pixelRatio, 0, 0, this.pixelRatio, 0, 0);
    this.overlay.paint({ ctx, camera: this.camera, theme: this.theme });
    this.overlayStale = false;
  }
}

function paperIn(host: HTMLElement, name: string, alpha: boolean): CanvasRenderingContext2D {
  const canvas = document.createElement('canvas');
  canvas.className = name;
  host.append(canvas);
  const ctx = canvas.getContext('2d', { alpha });
  if (!ctx) throw new Error('this browser offers no 2d canvas');
  return ctx;
}
