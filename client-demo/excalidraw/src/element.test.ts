import type { CanvasObject } from '@collabcanvas/sdk';
import { describe, expect, it } from 'vitest';
import { isDrawable } from './drawable';
import { elementOf, isBarelyBegun, propsOf } from './element';
import { rectangle } from './fixtures';

const random = (): number => 0.5;

describe('an element as an object', () => {
  it('has the element’s own fields, its index as z, and nothing of this page’s copy', () => {
    const props = propsOf(rectangle('r', { index: 'a3', customData: undefined, groupIds: ['g'], x: -0 }));
    expect(props).toMatchObject({ type: 'rectangle', z: 'a3', groupIds: ['g'] });
    expect(Object.is(props['x'], 0)).toBe(true);
    for (const name of ['id', 'index', 'isDeleted', 'version', 'versionNonce', 'updated', 'customData']) expect(props).not.toHaveProperty(name);
  });

  it('does not share anything with it that the editor could change', () => {
    const points = [[0, 0], [1, 1]];
    const props = propsOf(rectangle('r', { points }));
    points[1] = [9, 9];
    expect(props['points']).toEqual([[0, 0], [1, 1]]);
  });

  it('comes back the same, newer than what it replaces', () => {
    const element = rectangle('r', { index: 'a3', version: 4 });
    const object: CanvasObject = { id: 'r', rev: 1, props: propsOf(element) };
    const back = elementOf(object, element, 7, random);
    expect(back).toEqual({ ...element, version: 5, versionNonce: 2 ** 30, updated: 7 });
    expect(elementOf(object, undefined, 7, random).version).toBe(1);
  });

  it('is not sent as long as nobody could see it', () => {
    expect(isBarelyBegun(rectangle('r', { width: 0, height: 0 }))).toBe(true);
    expect(isBarelyBegun(rectangle('r', { width: 0 }))).toBe(false);
    expect(isBarelyBegun(rectangle('r', { type: 'line', points: [[0, 0]] }))).toBe(true);
    expect(isBarelyBegun(rectangle('r', { type: 'text', text: '' }))).toBe(true);
  });
});

describe('an object as an element', () => {
  const isShown = (fields: object): boolean => isDrawable({ id: 'r', rev: 1, props: { ...propsOf(rectangle('r')), ...fields } });

  it('must have what the editor relies on', () => {
    expect(isShown({})).toBe(true);
    expect(isShown({ type: 'text', text: 'a', originalText: 'a', fontSize: 20, fontFamily: 5, lineHeight: 1.25 })).toBe(true);
    expect(isShown({ type: 'freedraw', points: [[0, 0]], pressures: [] })).toBe(true);
  });

  it.each([
    { x: 'left' }, { width: Number.NaN }, { strokeColor: 3 }, { type: 'iframe' }, { type: 'constructor' }, { type: 'text' }, { type: 'line', points: [['a', 0]] },
    { groupIds: null }, { boundElements: 'none' }, { type: 'arrow', points: [] },
  ])('is not shown with %j', (fields) => {
    expect(isShown(fields)).toBe(false);
  });
});
