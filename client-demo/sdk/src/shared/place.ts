/** Where a project's server has its shared socket. Pure. */

export interface Place {
  /** The shared socket of the project's server. */
  readonly url: string;
  readonly project: string;
}

const PROJECT = /^(.*\/v1\/)projects\/([A-Za-z0-9_-]+)\/ws$/;

/** @returns undefined for an address of another form, which needs a socket of its own */
export function placeOf(address: string): Place | undefined {
  const url = new URL(address);
  const [, base, project] = PROJECT.exec(url.pathname) ?? [];
  if (base === undefined || project === undefined || url.search !== '' || url.hash !== '') return undefined;
  url.pathname = `${base}shared`;
  return { url: url.href, project };
}
