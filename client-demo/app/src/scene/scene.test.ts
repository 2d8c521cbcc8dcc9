import type { CanvasObject, Value } from '@collabcanvas/sdk';
import { describe, expect, it } from 'vitest';
import { Scene, type Damage } from './scene';

const rect = { type: 'rect', x: 0, y: 0, w: 100, h: 100, strokeWidth: 2, fill: '#fff2c2' };

function sceneOf(objects: Record<string, Record<string, Value>>): { scene: Scene; objects: Map<string, CanvasObject>; damage: Damage[] } {
  const map = new Map(Object.entries(objects).map(([id, props]) => [id, { id, rev: 1, props }]));
  const scene = new Scene({ objects: map, get: (id) => map.get(id) });
  const damage: Damage[] = [];
  scene.onDamage((d) => damage.push(d));
  scene.apply('all');
  return { scene, objects: map, damage };
}

describe('Scene', () => {
  it('shows objects back to front by key, then id', () => {
    const { scene } = sceneOf({ b: { ...rect, z: 'a1' }, a: { ...rect, z: 'a1' }, c: { ...rect, z: 'a0' }, d: rect });
    expect(scene.within({ x: 0, y: 0, w: 10, h: 10 }).map(({ id }) => id)).toEqual(['d', 'c', 'a', 'b']);
  });

  it('repaints where a moved object was and where it is', () => {
    const { scene, objects, damage } = sceneOf({ a: rect });
    damage.length = 0;
    objects.set('a', { id: 'a', rev: 2, props: { ...rect, x: 1000 } });
    scene.apply(new Set(['a']));
    expect(damage).toEqual([expect.objectContaining({ x: -3 }), expect.objectContaining({ x: 997 })]);
    expect(scene.at({ x: 50, y: 50 }, 2)).toBeUndefined();
    expect(scene.at({ x: 1050, y: 50 }, 2)?.id).toBe('a');
  });

  it('shows a preview over the object until it settles, whatever arrives meanwhile', () => {
    const { scene, objects } = sceneOf({ a: rect });
    scene.preview('a', { x: 500 });
    objects.set('a', { id: 'a', rev: 2, props: { ...rect, x: 10, fill: '#fde3e0' } });
    scene.apply(new Set(['a']));
    expect(scene.get('a')).toMatchObject({ x: 500, fill: '#fde3e0' });
    scene.settle('a');
    expect(scene.get('a')?.x).toBe(10);
  });

  it('forgets an object that is deleted in the middle of a drag', () => {
    const { scene, objects } = sceneOf({ a: rect });
    scene.preview('a', { x: 500 });
    objects.delete('a');
    scene.apply(new Set(['a']));
    expect(scene.get('a')).toBeUndefined();
    scene.settle('a');
    expect(scene.size).toBe(0);
  });

  it('leaves out what it cannot draw, without a fuss', () => {
    const { scene } = sceneOf({
      frame: { type: 'frame', x: 0 },
      bare: { type: 'draw' },
      odd: { type: 'line', points: [0, 0, 'x', 5] },
      wild: { type: 'rect', x: 'left', w: -5, strokeWidth: null, opacity: 7, rotation: Number.NaN },
    });
    expect([...scene.all()].map(({ id }) => id)).toEqual(['wild']);
    expect(scene.get('wild')).toMatchObject({ x: 0, w: 0, strokeWidth: 2, opacity: 1, rotation: 0 });
  });
});
