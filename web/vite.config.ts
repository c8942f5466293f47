import { preact } from '@preact/preset-vite';
import { defineConfig } from 'vite';

/** Relative asset URLs, so the page also works below a path of a reverse proxy. Nothing is inlined: a strict content policy lets it through. */
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [preact()],
  build: { outDir: 'dist', emptyOutDir: true, assetsInlineLimit: 0, modulePreload: { polyfill: false } },
});
