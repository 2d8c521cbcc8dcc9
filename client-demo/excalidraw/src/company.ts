/** Everybody else in the project, as the editor's collaborators; and ourselves for them. */
import { UserIdleState, zoomToFitBounds } from '@excalidraw/excalidraw';
import type { AppState, Collaborator, CollaboratorPointer, ExcalidrawImperativeAPI, SocketId } from '@excalidraw/excalidraw/types';
import type { Attendance, Canvas } from '@collabcanvas/sdk';
import { idOfColour } from './colour';
import { othersOn, type Person } from './demo';
import { isSame } from './difference';

/** Ids that fit into a presence of 2 KiB beside everything else. */
const MOST_SHARED = 40;
/** Cursors are drawn along the way that they took, so they move on for a while after the last word of them. */
const LINGER_MS = 1_000;
/** To show a cursor elsewhere the editor renders all of itself. When frames take longer than this, it rests in every second one. */
const SLOW_MS = 20;

const IDLE: Readonly<Record<Attendance, UserIdleState>> = {
  active: UserIdleState.ACTIVE,
  idle: UserIdleState.IDLE,
  away: UserIdleState.AWAY,
  offline: UserIdleState.AWAY,
};

const socketOf = (session: number): SocketId => String(session) as SocketId;

export class Company {
  private shown = new Map<SocketId, Collaborator>();
  private until = 0;
  private isRunning = false;

  constructor(
    private readonly canvas: Canvas,
    private readonly api: ExcalidrawImperativeAPI,
  ) {
    canvas.on('presence', () => this.wake());
    this.wake();
  }

  /** Our pointer is at a place of the canvas. */
  point({ x, y, tool }: CollaboratorPointer, button: 'up' | 'down'): void {
    this.canvas.presence.set({ cursor: [x, y], tool: tool === 'laser' ? tool : null, button: button === 'down' ? button : null });
  }

  /** Our selection or our view may be another. */
  tell({ selectedElementIds, scrollX, scrollY, width, height, zoom }: AppState): void {
    const selection = Object.keys(selectedElementIds).slice(0, MOST_SHARED);
    const viewport = [-scrollX, -scrollY, width / zoom.value, height / zoom.value].map(Math.round);
    const { self } = this.canvas.presence;
    if (!isSame(self['selection'], selection) || !isSame(self['viewport'], viewport)) this.canvas.presence.set({ selection, viewport });
  }

  private wake(): void {
    this.until = performance.now() + LINGER_MS;
    if (this.isRunning) return;
    this.isRunning = true;
    let last = Infinity;
    let hasRested = true;
    const step = (now: number): void => {
      hasRested = !hasRested && now - last > SLOW_MS;
      last = now;
      if (!hasRested) this.show();
      this.isRunning = hasRested || performance.now() < this.until;
      if (this.isRunning) requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  private show(): void {
    const people = othersOn(this.canvas).filter(({ attendance }) => attendance !== 'offline');
    const next = new Map(people.map((person) => [socketOf(person.session), this.collaborator(person)]));
    if (!isSame([...next], [...this.shown])) {
      this.shown = next;
      this.api.updateScene({ collaborators: next });
    }
    this.follow(people);
  }

  private collaborator({ session, name, color, selection, attendance }: Person): Collaborator {
    const cursor = this.canvas.presence.cursor(session);
    const { tool, button } = this.canvas.presence.others.get(session)?.presence ?? {};
    return {
      id: idOfColour(session, color),
      socketId: socketOf(session),
      username: name,
      userState: IDLE[attendance],
      selectedElementIds: Object.fromEntries(selection.map((id) => [id, true] as const)),
      button: button === 'down' ? 'down' : 'up',
      ...(cursor !== undefined && { pointer: { ...cursor, tool: tool === 'laser' ? 'laser' : 'pointer' } }),
    };
  }

  /** The user has chosen somebody whose view to follow. */
  private follow(people: readonly Person[]): void {
    const appState = this.api.getAppState();
    const leader = people.find(({ session }) => socketOf(session) === appState.userToFollow?.socketId);
    if (leader?.viewport === undefined) return;
    const { x, y, w, h } = leader.viewport;
    const { scrollX, scrollY, zoom } = zoomToFitBounds({ bounds: [x, y, x + w, y + h], appState, fitToViewport: true }).appState;
    const isThere = isSame([scrollX, scrollY, zoom.value], [appState.scrollX, appState.scrollY, appState.zoom.value]);
    if (!isThere) this.api.updateScene({ appState: { scrollX, scrollY, zoom } });
  }
}
