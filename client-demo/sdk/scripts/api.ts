/** Writes what the entries export as Markdown: `API.md`. */
import { fileURLToPath } from 'node:url';
import { exportsOf, type Export, type Item } from './public.js';

/** The entries of `package.json`, and where they begin. */
export const ENTRIES: readonly (readonly [name: string, file: string])[] = [
  ['@collabcanvas/sdk', 'index.ts'],
  ['@collabcanvas/sdk/react', 'react/index.ts'],
  ['@collabcanvas/sdk/offline', 'offline/index.ts'],
  ['@collabcanvas/sdk/json', 'json/index.ts'],
  ['@collabcanvas/sdk/order', 'order/index.ts'],
  ['@collabcanvas/sdk/shared', 'shared/index.ts'],
  ['@collabcanvas/sdk/devtools', 'devtools/index.ts'],
];

export interface Entry {
  readonly name: string;
  readonly exports: readonly Export[];
}

export function publicApi(): Entry[] {
  return ENTRIES.map(([name, file]) => ({ name, exports: exportsOf(fileURLToPath(new URL(`../src/${file}`, import.meta.url))) }));
}

/** Names of what has no doc comment, as `entry: Export.member`. */
export function undocumented(api: readonly Entry[]): string[] {
  return api.flatMap(({ name, exports }) =>
    exports.flatMap((one) => {
      const missing = one.members.filter(({ name, doc }) => doc === '' && name !== 'constructor').map((member) => `${one.name}.${member.name}`);
      return [...(one.doc === '' ? [one.name] : []), ...missing].map((what) => `${name}: ${what}`);
    }),
  );
}

export function markdown(api: readonly Entry[]): string {
  const lines = ['# API of the SDK', '', 'Made from the source and its comments by `npm run api`. Do not edit.', ''];
  for (const { name, exports } of api) {
    lines.push(`## \`${name}\``, '', exportsLine(exports), '');
    for (const one of exports) lines.push(...section(one));
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

const exportsLine = (exports: readonly Export[]): string => [...new Set(exports.map(({ name }) => `\`${name}\``))].join(' · ');

function section({ name, kind, signature, doc, members }: Export): string[] {
  return [
    `### ${name}`, '', `*${kind}*`, '', '```ts', signature, '```', '',
    ...(doc === '' ? [] : [prose(doc), '']),
    ...members.map(bullet),
    ...(members.length === 0 ? [] : ['']),
  ];
}

function bullet({ signature, doc }: Item): string {
  return `- \`${signature}\`${doc === '' ? '' : `  \n  ${prose(doc).replaceAll('\n', '\n  ')}`}`;
}

/** A doc comment as Markdown: its text as one paragraph, its tags as lines of their own. */
function prose(doc: string): string {
  const [text = '', ...tags] = doc.split(/(?:^|\s)@(?=(?:param|returns|throws)\s)/);
  const paragraphs = text.trim().split(/\n\s*\n/).map((part) => part.replace(/\s+/g, ' '));
  const said = tags.map((tag) => {
    const [, kind, rest = ''] = /^(\w+)\s+([^]*)$/.exec(tag) ?? [];
    const what = rest.trim().replace(/\s+/g, ' ');
    return kind === 'param' ? `*Parameter* ${what.replace(/^(\w+) /, '`$1`: ')}` : `*${kind === 'returns' ? 'Returns' : 'Throws'}* ${what}`;
  });
  return [paragraphs.filter((part) => part !== '').join('\n\n'), ...said].filter((part) => part !== '').join('  \n');
}
