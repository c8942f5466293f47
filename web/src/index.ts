/** Where `npm run build -w web` puts the page; the server serves this folder at `/`. */
export const WEB_DIST = new URL('../dist/', import.meta.url);
