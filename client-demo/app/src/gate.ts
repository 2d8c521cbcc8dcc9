import type { Canvas, CanvasError } from '@collabcanvas/sdk';
import type { Access } from './access';
import type { PasswordDialog } from './ui/password-dialog';
import type { Barrier, Wall } from './ui/wall';

/** Errors that this module shows; nobody else needs to. */
export const isOfGate = ({ code }: CanvasError): boolean => code === 'unauthenticated' || code === 'forbidden' || code === 'deleted' || code.startsWith('password_');

/** Lets nobody stand before a board that does not open: asks for the password of a link, or says whom to ask for access. */
export function watchGate(
  canvas: Canvas,
  access: Pick<Access, 'token' | 'isAsking' | 'ask'>,
  dialog: Pick<PasswordDialog, 'ask'>,
  wall: Pick<Wall, 'show'>,
): void {
  const block = (barrier: Barrier): void => {
    const { synced, unsent } = canvas.status;
    // What was refused once is not tried for ever.
    canvas.disconnect();
    wall.show(barrier, synced, unsent);
  };
  const ask = (isWrong: boolean): void => {
    if (access.isAsking) return;
    const password = dialog.ask(isWrong);
    access.ask(password);
    password.then(() => canvas.reconnect(), () => block('password'));
  };
  canvas.on('error', ({ code }) => {
    const isClosed = canvas.status.connection === 'closed';
    if (code === 'password_needed' || code === 'password_wrong') ask(code === 'password_wrong');
    else if (code === 'deleted') block('deleted');
    else if (code === 'forbidden' && isClosed) block('forbidden');
    else if (code === 'unauthenticated' && !access.isAsking) block(isClosed && access.token === undefined ? 'unknown' : 'ended');
  });
}
