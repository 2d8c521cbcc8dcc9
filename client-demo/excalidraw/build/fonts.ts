/** Puts the fonts beside the page that its text may be in: those that the editor offers, and the two that older drawings use. */
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Plugin } from 'vite';

/** Not Xiaolai: 13 MB of Chinese, Japanese and Korean letters, which are drawn in a font of the system instead. */
const FAMILIES = ['Excalifont', 'Nunito', 'Lilita', 'ComicShanns', 'Virgil', 'Cascadia'] as const;

const editor = dirname(createRequire(import.meta.url).resolve('@excalidraw/excalidraw'));

export function fonts(): Plugin {
  return {
    name: 'fonts',
    apply: 'build',
    generateBundle() {
      for (const family of FAMILIES) {
        const directory = join(editor, 'fonts', family);
        for (const file of readdirSync(directory)) {
          this.emitFile({ type: 'asset', fileName: `fonts/${family}/${file}`, source: readFileSync(join(directory, file)) });
        }
      }
    },
  };
}
