/** The editor, as the binding sees it. */
import { CaptureUpdateAction } from '@excalidraw/excalidraw';
import type { ExcalidrawElement } from '@excalidraw/excalidraw/element/types';
import type { ExcalidrawImperativeAPI } from '@excalidraw/excalidraw/types';
import type { Scene } from './binding';

export function sceneOf(api: ExcalidrawImperativeAPI): Scene {
  return {
    elements: () => api.getSceneElementsIncludingDeleted(),
    state: () => api.getAppState(),
    // Never a step to undo: the editor's undo takes back what was done here, and nothing else.
    replace: (elements) =>
      api.updateScene({ elements: elements as unknown as readonly ExcalidrawElement[], captureUpdate: CaptureUpdateAction.NEVER }),
  };
}
