/**
 * Leaves out of the editor what this page does not offer, and what would load from another host. (Diagrams from text are not even installed: `no-diagrams`.)
 *
 * Everything that is built goes into the server's binary: without this it would grow by 3 MB that nobody here can reach.
 */
import type { Plugin } from 'vite';

const STUB = '\0stub:';

/** Modules that are only imported when a feature is used that the page switches off; each with what is left in its place. */
const STUBS: readonly (readonly [RegExp, string])[] = [
  // Images are scaled down by these; there is no image tool.
  [/^(pica|image-blob-reduce)$/, 'export default () => { throw new Error("not here"); };'],
  // Fonts in exported pictures are cut to the letters in use by WebAssembly, which the page's policy forbids; whole ones do as well.
  [/subset-worker\.chunk\.js$/, 'export const WorkerUrl = undefined;'],
  [/subset-shared\.chunk\.js$/, wholeFonts()],
  // The page speaks English, which is built in.
  [/\/locales\/(?!en-|percentages-)[^/]+\.js$/, 'export default {};'],
];

/** What the editor expects of its font cutter, without the cutting. */
function wholeFonts(): string {
  return `
    export const Commands = { Subset: 'SUBSET' };
    export const toBase64 = (buffer) => new Promise((resolve, reject) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result);
      reader.onerror = () => reject(reader.error);
      reader.readAsDataURL(new Blob([buffer], { type: 'font/woff2' }));
    });
    export const subsetToBinary = async (buffer) => buffer;
    export const subsetToBase64 = toBase64;`;
}

/** Where the editor looks for fonts that it does not find here: a template string with the address of a public host. */
const OTHER_HOST = /`https:\/\/esm\.sh\/[^`]*`[^`]*`[^`]*`/;

export function slim(): Plugin {
  return {
    name: 'slim',
    enforce: 'pre',
    resolveId(source) {
      const index = STUBS.findIndex(([pattern]) => pattern.test(source));
      return index < 0 ? undefined : STUB + index;
    },
    load(id) {
      return id.startsWith(STUB) ? STUBS[Number(id.slice(STUB.length))]?.[1] : undefined;
    },
    transform(code, id) {
      if (!id.includes('@excalidraw/excalidraw/dist/prod/') || !code.includes('ASSETS_FALLBACK_URL')) return undefined;
      const patched = code.replace(OTHER_HOST, 'window.EXCALIDRAW_ASSET_PATH');
      if (patched === code) this.error('the address of the other font host was not found; a page of ours must load nothing from there');
      return patched;
    },
  };
}
