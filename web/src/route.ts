/** The page's places, kept behind the hash so one file serves them all. */
export type Route =
  | { readonly page: 'neighbourhood' }
  | { readonly page: 'home'; readonly id: string }
  | { readonly page: 'chain' };

/** `#/home/home-03` -> that home; anything unknown -> the neighbourhood. */
export function routeOf(hash: string): Route {
  const [page, id] = hash.replace(/^#\/?/, '').split('/');
  if (page === 'chain') return { page: 'chain' };
  if (page === 'home' && id !== undefined && /^[A-Za-z0-9._:-]{1,64}$/.test(id)) return { page: 'home', id };
  return { page: 'neighbourhood' };
}

export function homeHref(id: string): string {
  return `#/home/${id}`;
}
