import type { Canvas, Role } from '@collabcanvas/sdk';

/** Whether one may change what is on the board, as far as is known: before the first connection everything may be tried. */
export const mayEdit = ({ role }: { readonly role?: Role | undefined }): boolean => role !== 'viewer' && role !== 'commenter';

/** Calls the listener whenever the role has become another. */
export function onRole(canvas: Canvas, listener: () => void): void {
  let { role } = canvas;
  canvas.on('status', (status) => {
    if (status.role === role) return;
    role = status.role;
    listener();
  });
}

/** What somebody reads who may only look; undefined for who may edit. */
export function whyViewOnly(role: Role | undefined): string | undefined {
  if (role === 'viewer') return 'You may look at this board, but not change it. Ask its owner for the right to edit.';
  if (role === 'commenter') return 'You may comment on this board, but not change what is on it. Ask its owner for the right to edit.';
  return undefined;
}
