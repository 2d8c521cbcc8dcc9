/** What the user is doing to which elements: those wait for what others do to them, because the editor holds on to them. */

type Held = { readonly id: string } | null;

/** The part of the editor's state that says so. */
export interface EditorState {
  readonly newElement: Held;
  readonly multiElement: Held;
  readonly resizingElement: Held;
  readonly editingTextElement: Held;
  readonly editingLinearElement: { readonly elementId: string } | null;
  readonly croppingElementId: string | null;
  readonly cursorButton: 'up' | 'down';
  readonly selectedElementIds: Readonly<Record<string, boolean>>;
  readonly selectedElementsAreBeingDragged: boolean;
  readonly isResizing: boolean;
  readonly isRotating: boolean;
}

/** Whether something is under way that will be one step to undo. */
export function isGesture(state: EditorState): boolean {
  return state.cursorButton === 'down' || editedIds(state).size > 0;
}

export function editedIds(state: EditorState): Set<string> {
  const { newElement, multiElement, resizingElement, editingTextElement, editingLinearElement, croppingElementId } = state;
  const ids = new Set<string>();
  for (const element of [newElement, multiElement, resizingElement, editingTextElement]) if (element) ids.add(element.id);
  if (editingLinearElement) ids.add(editingLinearElement.elementId);
  if (croppingElementId !== null) ids.add(croppingElementId);
  if (state.cursorButton === 'down' && (state.selectedElementsAreBeingDragged || state.isResizing || state.isRotating)) {
    for (const id of Object.keys(state.selectedElementIds)) ids.add(id);
  }
  return ids;
}
