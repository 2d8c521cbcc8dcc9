/** Where the editor finds its fonts: beside this page, never on another host. Imported before the editor. */
declare global {
  interface Window {
    EXCALIDRAW_ASSET_PATH?: string | string[];
  }
}

window.EXCALIDRAW_ASSET_PATH = new URL('./', document.baseURI).href;

export {};
