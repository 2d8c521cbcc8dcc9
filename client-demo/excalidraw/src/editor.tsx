import { Excalidraw, MainMenu, THEME } from '@excalidraw/excalidraw';
import '@excalidraw/excalidraw/index.css';
import type { ExcalidrawImperativeAPI, UIOptions } from '@excalidraw/excalidraw/types';
import { useProject, useSyncStatus } from '@collabcanvas/sdk/react';
import { useCallback, useRef, useSyncExternalStore, type DragEvent, type ReactNode } from 'react';
import { attach } from './attach';
import type { Company } from './company';
import { chooseScheme, followScheme, isDark, scheme } from './demo';
import { StatusChip } from './status-chip';

/** Only the elements are shared: no files, so no images; and no other drawing can be opened over the one that everybody sees. */
const OPTIONS: Partial<UIOptions> = {
  tools: { image: false },
  canvasActions: { loadScene: false, saveToActiveFile: false, changeViewBackgroundColor: false, toggleTheme: true },
};

export function Editor({ project, share }: { project: string; share: string }): ReactNode {
  const canvas = useProject();
  useSyncStatus(); // the role is known with the connection
  const isReader = canvas.role === 'viewer' || canvas.role === 'commenter';
  const theme = useSyncExternalStore(subscribeToScheme, () => (isDark() ? THEME.DARK : THEME.LIGHT));
  const editor = useRef<ExcalidrawImperativeAPI>(null);
  const company = useRef<Company>(null);
  const start = useCallback(
    (api: ExcalidrawImperativeAPI) => {
      editor.current = api;
      company.current = attach(canvas, api);
    },
    [canvas],
  );
  const refuseFiles = (event: DragEvent): void => {
    if (!event.dataTransfer.types.includes('Files')) return;
    event.preventDefault();
    event.stopPropagation();
    editor.current?.setToast({ message: 'Files and images cannot be shared here.', closable: true });
  };
  const copyLink = async (): Promise<void> => {
    await navigator.clipboard.writeText(share);
    editor.current?.setToast({ message: 'Link copied: whoever opens it draws with you.' });
  };
  return (
    <div className="editor" onDropCapture={refuseFiles}>
      <Excalidraw
        excalidrawAPI={start}
        theme={theme}
        UIOptions={OPTIONS}
        isCollaborating
        viewModeEnabled={isReader}
        validateEmbeddable={false}
        handleKeyboardGlobally
        onPointerUpdate={({ pointer, button }) => company.current?.point(pointer, button)}
        renderTopRightUI={(isMobile) => <StatusChip isNarrow={isMobile} />}
      >
        <MainMenu>
          <MainMenu.Item icon={<Icon path={LINK} />} onSelect={() => void copyLink()}>Copy link to share</MainMenu.Item>
          <MainMenu.Item icon={<Icon path={BOARD} />} onSelect={() => location.assign(`../?project=${project}`)}>Open the whiteboard</MainMenu.Item>
          <MainMenu.Separator />
          <MainMenu.DefaultItems.Export />
          <MainMenu.DefaultItems.SaveAsImage />
          <MainMenu.DefaultItems.SearchMenu />
          <MainMenu.DefaultItems.Help />
          <MainMenu.DefaultItems.ClearCanvas />
          <MainMenu.Separator />
          <MainMenu.DefaultItems.ToggleTheme allowSystemTheme theme={scheme()} onSelect={chooseScheme} />
        </MainMenu>
      </Excalidraw>
    </div>
  );
}

const LINK = 'M8 12l4-4M9 5.5l1-1a3.9 3.9 0 0 1 5.5 5.5l-1 1M11 14.5l-1 1A3.9 3.9 0 0 1 4.5 10l1-1';
const BOARD = 'M3.5 4.5h13v9h-13zM10 13.5v3M7 16.5h6';

function Icon({ path }: { path: string }): ReactNode {
  return (
    <svg viewBox="0 0 20 20" fill="none" stroke="currentColor" strokeWidth="1.25" strokeLinecap="round" strokeLinejoin="round">
      <path d={path} />
    </svg>
  );
}

const subscribed = new Set<() => void>();

function subscribeToScheme(listener: () => void): () => void {
  if (subscribed.size === 0) followScheme(() => subscribed.forEach((tell) => tell()));
  subscribed.add(listener);
  return () => void subscribed.delete(listener);
}
