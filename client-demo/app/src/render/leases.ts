import type { Canvas } from '@collabcanvas/sdk';
import type { Camera } from '../camera';
import { othersOn } from '../peers';
import { cornersOf } from '../scene/geometry';
import type { Scene } from '../scene/scene';
import { traceShape } from '../tools/select/handles';
import type { OverlayBrush } from '../tools/tool';
import { paintTag } from './tag';

const DASH = [6, 4];

/** What others are writing just now: nobody else can change it, so it says who does. */
export class Leases {
  private readonly leased = new Set<string>();

  constructor(
    private readonly canvas: Canvas,
    private readonly camera: Camera,
    private readonly scene: Scene,
  ) {
    canvas.on('change', ({ ids }) => {
      if (ids === 'all') this.leased.clear();
      for (const id of ids === 'all' ? canvas.objects.keys() : ids) {
        if (canvas.get(id)?.lease === undefined) this.leased.delete(id);
        else this.leased.add(id);
      }
    });
  }

  paint({ ctx }: OverlayBrush): void {
    for (const id of this.leased) {
      const lease = this.canvas.leaseOf(id);
      const shape = this.scene.get(id);
      if (lease === undefined || lease.isOurs || shape === undefined) continue;
      const person = othersOn(this.canvas).find(({ author }) => author === lease.by);
      const color = person?.color ?? '#888888';
      ctx.save();
      ctx.strokeStyle = color;
      ctx.lineWidth = 1.5;
      ctx.setLineDash(DASH);
      traceShape(ctx, shape, this.camera);
      ctx.restore();
      const corner = this.camera.toScreen(cornersOf(shape)[0]);
      paintTag(ctx, { x: corner.x, y: corner.y - 24 }, `${person?.name ?? 'Somebody'} is writing`, color);
    }
  }
}
