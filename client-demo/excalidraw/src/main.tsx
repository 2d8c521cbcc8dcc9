import './assets';
import { connect, type CanvasOptions } from '@collabcanvas/sdk';
import { finishOrphans, keepOffline } from '@collabcanvas/sdk/offline';
import { CanvasProvider } from '@collabcanvas/sdk/react';
import { createRoot } from 'react-dom/client';
import { Access, loadProfile, projectFromAddress, shareAddress, socketAddress } from './demo';
import { Editor } from './editor';
import { takeFreeColour } from './newcomer';
import './style.css';

/** Elements of the editor and objects of the whiteboard are different things: each board of the demo has a project of its own for the editor. */
const PREFIX = 'excalidraw-';

function start(): void {
  const project = projectFromAddress();
  const profile = loadProfile();
  const { name, color } = profile;
  const { provider, user } = new Access(PREFIX + project);
  const options: CanvasOptions = {
    url: socketAddress(PREFIX + project),
    presence: { name, color },
    // The editor has an undo of its own.
    undoDepth: 0,
    ...(provider && { token: provider }),
  };
  const canvas = connect({ ...options, keeper: keepOffline(user === undefined ? {} : { user }) });
  void finishOrphans(options, user);
  if (profile.isNew) takeFreeColour(canvas, profile);
  const page = document.body.appendChild(document.createElement('div'));
  createRoot(page).render(
    <CanvasProvider canvas={canvas}>
      <Editor project={project} share={shareAddress(project)} />
    </CanvasProvider>,
  );
}

start();
