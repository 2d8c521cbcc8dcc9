/** Which board the address names: `/?project=ab12`. */

import { randomId } from './random';

const ID = /^[A-Za-z0-9_-]{1,64}$/;
/** The project in the address; a new one is put there when there is none that could be. */
export function projectFromAddress(): string {
  const url = new URL(location.href);
  const asked = url.searchParams.get('project') ?? '';
  if (ID.test(asked)) return asked;
  const made = randomId();
  url.searchParams.set('project', made);
  history.replaceState(null, '', url);
  return made;
}

/** Where a new board is made. */
export const newBoardAddress = (): string => location.origin + location.pathname;

/** The address to give to others: this page and project, nothing private. */
export function shareAddress(project: string): string {
  return new URL(`?project=${project}`, location.origin + location.pathname).href;
}

/** The address of a board that a share link opens: whoever has it needs nothing else. */
export function linkAddress(project: string, link: string): string {
  return `${shareAddress(project)}#link=${encodeURIComponent(link)}`;
}

/** Where another editor has a board of the same name. */
export function excalidrawAddress(project: string): string {
  return new URL(`excalidraw/?project=${project}`, location.origin + location.pathname).href;
}

export function socketAddress(project: string): string {
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
  return `${scheme}//${location.host}/v1/projects/${project}/ws`;
}

/** `?tabs=shared`: all tabs of this browser that say so have one socket together. */
export function sharesTabs(): boolean {
  return new URLSearchParams(location.search).get('tabs') === 'shared';
}
