/** Ties the editor to the canvas, as soon as the editor has started. */
import type { ExcalidrawImperativeAPI } from '@excalidraw/excalidraw/types';
import type { Canvas } from '@collabcanvas/sdk';
import { Binding } from './binding';
import { Company } from './company';
import { Frames } from './frames';
import { Repairer } from './repair';
import { sceneOf } from './scene';
import { exposeForTests } from './test-hook';
import { reportTroubles } from './troubles';

export function attach(canvas: Canvas, api: ExcalidrawImperativeAPI): Company {
  const company = new Company(canvas, api);
  // While it starts, the editor empties its scene, which is nobody's wish to delete anything; its first word of a change comes after that.
  const stop = api.onChange(() => {
    stop();
    bind(canvas, api);
  });
  api.onChange((_, state) => company.tell(state));
  document.documentElement.addEventListener('pointerleave', () => canvas.presence.set({ cursor: null }));
  reportTroubles(canvas, api);
  exposeForTests(canvas, api);
  return company;
}

function bind(canvas: Canvas, api: ExcalidrawImperativeAPI): void {
  const frames = new Frames(() => {
    binding.sync();
    repairer.consider();
    lookOnce(canvas, api);
  });
  const binding = new Binding(canvas, sceneOf(api), {
    now: () => Date.now(),
    random: Math.random,
    request: () => frames.request(),
    refused: ({ message }) => api.setToast({ message: `That cannot be shared: ${message}`, closable: true }),
  });
  const repairer = new Repairer(canvas, () => binding.needsRepair);
  canvas.on('change', ({ ids }) => binding.changed(ids));
  canvas.on('status', () => frames.request());
  api.onChange((elements) => binding.rendered(elements));
  // What was drawn a moment ago must be on its way, or kept, before the page may go.
  for (const event of ['pagehide', 'visibilitychange']) addEventListener(event, () => frames.run(), true);
}

const looked = new WeakSet<Canvas>();

/** Looks at what is there, when the drawing is first known; later only the user moves the view. */
function lookOnce(canvas: Canvas, api: ExcalidrawImperativeAPI): void {
  if (looked.has(canvas) || !canvas.status.synced) return;
  looked.add(canvas);
  if (api.getSceneElements().length > 0) api.scrollToContent(undefined, { fitToContent: true, animate: false });
}
