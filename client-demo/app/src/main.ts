import { connect, type Canvas, type CanvasOptions } from '@collabcanvas/sdk';
import { finishOrphans, keepOffline } from '@collabcanvas/sdk/offline';
import { sharedSocket } from '@collabcanvas/sdk/shared';
import { Access } from './access';
import { Board } from './board';
import { listenToClipboard } from './clipboard';
import { watchGate } from './gate';
import { listenToKeys, shortcutsOf } from './keyboard';
import { COLOURS, inkVariable } from './palette';
import { loadProfile } from './profile';
import { projectFromAddress, shareAddress, sharesTabs, socketAddress } from './project';
import { Plug } from './plug';
import './style.css';
import { exposeForTests } from './test-hook';
import { followScheme, isDark } from './scheme';
import { Sharing } from './sharing';
import { hearSummons } from './summon';
import { contents } from './ui/contents';
import { boardMenu } from './ui/board-menu';
import { h, icon, iconButton } from './ui/dom';
import { followFrame } from './ui/follow-frame';
import { Help } from './ui/help';
import { hint } from './ui/hint';
import { ICONS } from './ui/icons';
import { ImageDialog } from './ui/image-dialog';
import { Inspector } from './ui/inspector';
import { Minimap } from './ui/minimap';
import { PasswordDialog } from './ui/password-dialog';
import { People } from './ui/people';
import { plugPanel } from './ui/plug-panel';
import { shareButton } from './ui/share';
import { SharePanel } from './ui/share-panel';
import { statusChip } from './ui/status-chip';
import { TextEditor } from './ui/text-editor';
import { reportTroubles, Toasts } from './ui/toasts';
import { toolbar } from './ui/toolbar';
import { historyControls, zoomControls } from './ui/view-controls';
import { viewOnlyChip } from './ui/view-only';
import { Wall } from './ui/wall';

/** Ids that fit into a presence of 2 KiB beside everything else. */
const MOST_SHARED = 40;

/** The page's swatches in the present colour scheme, from the palette that the canvas paints with. */
function defineInks(): void {
  followScheme(() => {
    for (const colour of COLOURS) {
      document.documentElement.style.setProperty(inkVariable(colour), (isDark() ? colour.dark : colour.light).ink);
    }
  });
}

function sharePresence(board: Board): void {
  const { canvas, camera, selection } = board;
  selection.onChange(() => canvas.presence.set({ selection: [...selection.ids].slice(0, MOST_SHARED) }));
  camera.onChange(() => {
    const { x, y, w, h: height } = camera.visible();
    canvas.presence.set({ viewport: [x, y, w, height].map(Math.round) });
  });
}

/** A button pressed with the pointer does not take the keyboard from the board: shortcuts go on working. */
function keepKeysOnBoard(editor: TextEditor): void {
  const isButton = (target: EventTarget | null): boolean => target instanceof Element && target.closest('button') !== null;
  document.addEventListener('pointerdown', (e) => {
    if (isButton(e.target)) editor.close();
  });
  document.addEventListener('mousedown', (e) => {
    if (isButton(e.target)) e.preventDefault();
  });
}

/**
 * Looks at what is there, when the board is first known; later only the user moves the view. The marks let anybody
 * measure how long opening took: `performance.getEntriesByType('mark')`.
 */
function lookOnce(board: Board): void {
  const { canvas, camera, scene } = board;
  let isOnline = false;
  const look = (): void => {
    const { connection, synced } = canvas.status;
    if (!isOnline && connection === 'online') {
      isOnline = true;
      performance.mark('board:welcome');
    }
    if (!synced) return;
    stop();
    performance.mark('board:synced');
    const bounds = scene.bounds();
    if (bounds) board.show(bounds);
    else camera.set(camera.centred({ x: 0, y: 0 }, 1));
    board.screen.onceComplete(() => performance.mark('board:rendered'));
  };
  const stop = canvas.on('status', look);
  look();
}

/** Brings to the server what other tabs have left, once it has let us in. */
function finishOthers(canvas: Canvas, options: CanvasOptions, user: string | undefined): void {
  const stop = canvas.on('status', ({ connection }) => {
    if (connection !== 'online') return;
    stop();
    void finishOrphans(options, user);
  });
}

function start(): void {
  const project = projectFromAddress();
  const profile = loadProfile();
  const access = new Access(project);
  const { provider, user } = access;
  const plug = new Plug(sharesTabs() ? sharedSocket() : WebSocket);
  const options: CanvasOptions = {
    url: socketAddress(project),
    WebSocket: plug.WebSocket,
    presence: { name: profile.name, color: profile.color },
    ...(provider && { token: provider }),
  };
  const canvas = connect({ ...options, keeper: keepOffline(user === undefined ? {} : { user }) });
  finishOthers(canvas, options, user);
  defineInks();
  const surface = h('div', { class: 'board', tabindex: '-1', role: 'application', 'aria-label': 'Board' });
  const page = document.body;
  page.append(surface);

  const board = new Board(canvas, surface);
  const toasts = new Toasts();
  const editor = new TextEditor(board);
  board.useTextField(editor);
  const help: Help = new Help(shortcutsOf(board, () => help.toggle()));
  const inspector = new Inspector(board);
  const brand = h('span', { class: 'brand' }, icon(ICONS.logo), h('span', { class: 'label' }, 'CollabCanvas'));
  const helpButton = iconButton(ICONS.help, 'Shortcuts', () => help.toggle(), { keys: '?', className: 'panel help-button' });
  const people = new People(board, { name: profile.name, color: profile.color }, profile.isNew);

  const images = new ImageDialog(board);
  const minimap = new Minimap(board);
  const plugged = plugPanel(canvas, plug);
  const share: HTMLElement = shareButton(canvas, shareAddress(project), toasts, () => sharing);
  const sharing = new SharePanel(canvas, project, new Sharing(project, () => access.token), () => share.focus());
  const [password, wall] = [new PasswordDialog(), new Wall()];
  page.append(
    editor.element,
    followFrame(board.following),
    hint(board),
    h('header', { class: 'panel title-bar' }, boardMenu(board, project, images, minimap, toasts), brand, statusChip(canvas), viewOnlyChip(canvas)),
    h('div', { class: 'company' }, people.element, share),
    inspector.element,
    h('div', { class: 'dock' }, historyControls(board), inspector.opener, zoomControls(board)),
    toolbar(board),
    minimap.element,
    h('div', { class: 'corner' }, plugged.opener, helpButton),
    plugged.panel,
    sharing.element,
    contents(board),
    toasts.element,
    help.element,
    images.element,
    password.element,
    wall.element,
  );

  hearSummons({ canvas, follow: (session) => board.following.start(session), visit: (place) => board.flyTo(board.camera.fitted(place, 0)) }, toasts);
  listenToKeys(board, shortcutsOf(board, () => help.toggle()));
  keepKeysOnBoard(editor);
  listenToClipboard(board);
  reportTroubles(canvas, toasts);
  watchGate(canvas, access, password, wall);
  sharePresence(board);
  lookOnce(board);
  // Without it the board needs a network to open; that is all.
  if (import.meta.env.PROD) navigator.serviceWorker?.register('./sw.js').catch(() => undefined);
  exposeForTests(board);
}

start();
