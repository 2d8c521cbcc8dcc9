/** What the SDK's entries export, read from the source: names, signatures, doc comments, members. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseSync, type ESTree } from 'vite';

/** A function, a property, a type: with what its comment says. */
export interface Item {
  readonly name: string;
  /** As it is written in the source, without a body. */
  readonly signature: string;
  /** The text of its doc comment; empty: it has none. */
  readonly doc: string;
}

export interface Export extends Item {
  readonly kind: 'class' | 'interface' | 'function' | 'type' | 'constant';
  readonly members: readonly Item[];
}

interface Source {
  readonly path: string;
  readonly text: string;
  readonly body: readonly ESTree.Statement[];
  /** The doc comment right before a position. */
  docBefore(position: number): string;
}

type Declaration = NonNullable<ESTree.ExportNamedDeclaration['declaration']>;
type Param = ESTree.FormalParameter | ESTree.TSParameterProperty | ESTree.FormalParameterRest;
type Member = ESTree.ClassElement | ESTree.TSSignature;

const sources = new Map<string, Source>();

function read(path: string): Source {
  const known = sources.get(path);
  if (known !== undefined) return known;
  const text = readFileSync(path, 'utf8');
  const { program, comments } = parseSync(path, text);
  const docBefore = (position: number): string => {
    const comment = comments.filter(({ end }) => end <= position).at(-1);
    const isDoc = comment?.type === 'Block' && comment.value.startsWith('*') && text.slice(comment.end, position).trim() === '';
    return isDoc ? comment.value.slice(1).replace(/^\s*\* ?/gm, '').trim() : '';
  };
  const source = { path, text, body: program.body, docBefore };
  sources.set(path, source);
  return source;
}

/** Everything that a module exports, in the order of its export statements; or all that it exports by one name. */
export function exportsOf(path: string, only?: string): Export[] {
  const source = read(path);
  const isWanted = (name: string): boolean => only === undefined || name === only;
  return source.body.flatMap((statement) => {
    if (statement.type !== 'ExportNamedDeclaration') return [];
    const { declaration, specifiers, source: from } = statement;
    if (declaration !== null) return exported(source, declaration, statement.start).filter(({ name }) => isWanted(name));
    return specifiers.filter(({ exported: name }) => isWanted(nameOf(name))).flatMap(({ local, exported: name, start }) => {
      const found = exportsOf(pathOf(source, from?.value ?? ''), nameOf(local));
      if (found.length === 0) throw new Error(`${path} exports ${nameOf(local)}, which cannot be found`);
      // What is passed on may be described where that happens: the generated types are not written here.
      return found.map((one): Export => ({ ...one, name: nameOf(name), doc: one.doc || source.docBefore(start) }));
    });
  });
}

const pathOf = (source: Source, from: string): string => join(dirname(source.path), from.replace(/\.js$/, '.ts'));
const nameOf = (node: ESTree.ModuleExportName): string => (node.type === 'Literal' ? node.value : node.name);
const plain = (text: string): string => text.replace(/\/\*[^]*?\*\//g, '').replace(/\s+/g, ' ').replace(/\(\s+/g, '(').trim().replace(/[;,]$/, '');

function exported(source: Source, declaration: Declaration, start: number): Export[] {
  const doc = source.docBefore(start);
  const until = (end: number): string => plain(source.text.slice(declaration.start, end));
  switch (declaration.type) {
    case 'ClassDeclaration':
      return [{ kind: 'class', name: declaration.id?.name ?? '', signature: until(declaration.body.start), doc, members: membersOf(source, declaration.body.body) }];
    case 'TSInterfaceDeclaration':
      return [{ kind: 'interface', name: declaration.id.name, signature: until(declaration.body.start), doc, members: membersOf(source, declaration.body.body) }];
    case 'TSTypeAliasDeclaration': {
      const { typeAnnotation: type, id } = declaration;
      const isMap = type.type === 'TSTypeLiteral';
      return [{ kind: 'type', name: id.name, signature: until(isMap ? type.start : declaration.end).replace(/ =$/, ''), doc, members: isMap ? membersOf(source, type.members) : [] }];
    }
    case 'VariableDeclaration':
      return declaration.declarations.map(({ id, init }): Export => {
        const signature = plain(`const ${source.text.slice(id.start, (init?.start ?? id.end + 1)).replace(/=\s*$/, '')}`);
        return { kind: 'constant', name: id.type === 'Identifier' ? id.name : '', signature, doc, members: [] };
      });
    case 'FunctionDeclaration':
    case 'TSDeclareFunction': {
      const { id, body, end } = declaration;
      // What implements overloads is not seen from outside.
      const isHidden = body !== null && source.body.some((other) => other.type === 'ExportNamedDeclaration' && other.declaration?.type === 'TSDeclareFunction' && other.declaration.id?.name === id?.name);
      return isHidden ? [] : [{ kind: 'function', name: id?.name ?? '', signature: until(body?.start ?? end), doc, members: [] }];
    }
    default:
      throw new Error(`${source.path}: an export of a kind that is not known: ${declaration.type}`);
  }
}

function membersOf(source: Source, members: readonly Member[]): Item[] {
  return members.flatMap((member) => {
    if ('accessibility' in member && (member.accessibility === 'private' || member.accessibility === 'protected')) return [];
    if ('key' in member && member.key.type === 'PrivateIdentifier') return [];
    if (!('key' in member)) throw new Error(`${source.path}: a member of a kind that is not known: ${member.type}`);
    const doc = source.docBefore(member.start);
    const name = source.text.slice(member.key.start, member.key.end);
    const signature = (end: number): string => plain(source.text.slice(member.start, end)).replace(/^(?:override )?(?:async )?/, '');
    if (member.type === 'MethodDefinition' && member.kind === 'constructor') return constructorOf(source, member.value.params, doc);
    if (member.type === 'MethodDefinition') return [{ name, signature: signature(member.value.body?.start ?? member.end).replace(/^get (\w+)\(\)/, 'readonly $1'), doc }];
    if (member.type === 'PropertyDefinition' && member.value !== null) return [{ name, signature: signature(member.value.start).replace(/ =$/, ''), doc }];
    return [{ name, signature: signature(member.end), doc }];
  });
}

/** A constructor, and the properties that its parameters make; a `@param` may describe those. */
function constructorOf(source: Source, params: readonly Param[], doc: string): Item[] {
  const items: Item[] = [];
  const written = params.map((param) => {
    const text = plain(source.text.slice(param.start, param.end));
    const bare = text.replace(/^(?:private |public |protected |readonly )+/, '');
    const name = /^\w+/.exec(bare)?.[0] ?? bare;
    const said = new RegExp(`@param ${name} ([^@]*)`).exec(doc)?.[1]?.trim() ?? '';
    if (param.type === 'TSParameterProperty' && param.accessibility !== 'private') items.push({ name, signature: text, doc: source.docBefore(param.start) || said });
    return bare;
  });
  return [{ name: 'constructor', signature: `constructor(${written.join(', ')})`, doc }, ...items];
}
