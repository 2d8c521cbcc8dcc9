import { describe, expect, it } from 'vitest';
import type { Value } from '@collabcanvas/sdk';
import { areaTakes, hitShape, pick } from './hit';
import { shapeOf, type Shape } from './shape';

function shape(props: Record<string, Value>, id = 'a'): Shape {
  const made = shapeOf({ id, rev: 1, props: { x: 0, y: 0, w: 100, h: 100, strokeWidth: 2, ...props } });
  if (!made) throw new Error('not a shape');
  return made;
}

const hollow = shape({ type: 'rect', fill: 'none' });
const filled = shape({ type: 'rect', fill: '#fff2c2' });

describe('hitShape', () => {
  it('tells the border of a hollow rectangle from its inside', () => {
    expect(hitShape(hollow, { x: 1, y: 50 }, 4)).toBe('ink');
    expect(hitShape(hollow, { x: 50, y: 50 }, 4)).toBe('inside');
    expect(hitShape(filled, { x: 50, y: 50 }, 4)).toBe('ink');
    expect(hitShape(hollow, { x: 150, y: 50 }, 4)).toBeUndefined();
  });

  it('does not hit the corners around an ellipse', () => {
    const ellipse = shape({ type: 'ellipse', fill: '#fff2c2' });
    expect(hitShape(ellipse, { x: 5, y: 5 }, 2)).toBeUndefined();
    expect(hitShape(ellipse, { x: 50, y: 50 }, 2)).toBe('ink');
  });

  it('turns with the shape', () => {
    const bar = shape({ type: 'rect', fill: '#fff2c2', h: 10, y: 45, rotation: Math.PI / 2 });
    expect(hitShape(bar, { x: 50, y: 5 }, 1)).toBe('ink');
    expect(hitShape(bar, { x: 5, y: 50 }, 1)).toBeUndefined();
  });

  it('catches a thin line within the tolerance only', () => {
    const line = shape({ type: 'line', points: [0, 0, 100, 100] });
    expect(hitShape(line, { x: 52, y: 48 }, 4)).toBe('ink');
    expect(hitShape(line, { x: 70, y: 30 }, 4)).toBeUndefined();
  });
});

describe('pick', () => {
  it('takes the frontmost ink', () => {
    const front = shape({ type: 'note' }, 'front');
    expect(pick([filled, front], { x: 50, y: 50 }, 4)?.id).toBe('front');
  });

  it('reaches a note through the hollow frame around it', () => {
    const note = shape({ type: 'note', x: 20, y: 20, w: 30, h: 30 }, 'note');
    expect(pick([note, hollow], { x: 30, y: 30 }, 4)?.id).toBe('note');
    expect(pick([note, hollow], { x: 80, y: 80 }, 4)?.id).toBe('a');
  });

  it('takes a hollow shape that lies on a larger backdrop', () => {
    const backdrop = shape({ type: 'rect', fill: '#fff2c2', x: -200, y: -200, w: 600, h: 600 }, 'backdrop');
    expect(pick([backdrop, hollow], { x: 50, y: 50 }, 4)?.id).toBe('a');
  });
});

describe('areaTakes', () => {
  it('takes what the area touches, not what its bounds touch', () => {
    const line = shape({ type: 'line', points: [0, 0, 100, 100] });
    expect(areaTakes(line, { x: 60, y: 0, w: 30, h: 30 })).toBe(false);
    expect(areaTakes(line, { x: 40, y: 40, w: 5, h: 5 })).toBe(true);
    expect(areaTakes(filled, { x: 40, y: 40, w: 5, h: 5 })).toBe(true);
  });
});
