/** The code in README.md, as the tests need it. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface Block {
  readonly language: 'ts' | 'tsx';
  readonly code: string;
  /** It is a program by itself, as the comment above it says. */
  readonly isQuickStart: boolean;
}

/** All blocks of TypeScript, in order. */
export function blocks(): Block[] {
  const text = readFileSync(fileURLToPath(new URL('../README.md', import.meta.url)), 'utf8');
  return [...text.matchAll(/(<!-- quick start[^>]*-->\n)?```(tsx?)\n([^]*?)\n```/g)].map(([, mark, language, code]) => ({
    language: language as Block['language'],
    code: `${code ?? ''}\n`,
    isQuickStart: mark !== undefined,
  }));
}
