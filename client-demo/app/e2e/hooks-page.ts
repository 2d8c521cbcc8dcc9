/** A page of React components over a canvas, which counts how often each is rendered. */
import { createElement, type ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import type { Canvas } from '@collabcanvas/sdk';
import { CanvasProvider, useObject, useObjects } from '@collabcanvas/sdk/react';

/** Renderings by component: an object's id, or what else it shows. */
const renders = new Map<string, number>();

const count = (name: string): void => void renders.set(name, (renders.get(name) ?? 0) + 1);

function Shape({ id }: { id: string }): ReactNode {
  const shape = useObject<{ x: number }>(id);
  count(id);
  return createElement('i', { id: `shape-${id}` }, shape?.props.x);
}

function Shapes(): ReactNode {
  const ids = useObjects((objects) => objects.map(({ id }) => id));
  count('list');
  return ids.map((id) => createElement(Shape, { key: id, id }));
}

function Wide(): ReactNode {
  const wide = useObjects((objects) => objects.filter(({ props }) => Number(props['w']) > 100).length);
  count('wide');
  return createElement('b', {}, wide);
}

function All(): ReactNode {
  count('all');
  return createElement('u', {}, useObjects().length);
}

/** Shows all objects of a canvas. */
export function mount(canvas: Canvas): void {
  const place = document.createElement('div');
  place.hidden = true;
  document.body.append(place);
  createRoot(place).render(createElement(CanvasProvider, { canvas }, createElement(Shapes), createElement(Wide), createElement(All)));
}

/** What was rendered since the last call, and how often. */
export function takeRenders(): Record<string, number> {
  const taken = Object.fromEntries(renders);
  renders.clear();
  return taken;
}
