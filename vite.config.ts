import preact from '@preact/preset-vite';
import {defineConfig} from 'vite';

// The page uses relative addresses only, so that the built folder works from any path.
export default defineConfig({
  root: 'web',
  base: './',
  plugins: [preact()],
  worker: {format: 'es'},
  build: {
    outDir: '../dist',
    emptyOutDir: true,
    target: 'es2023',
    // An inlined asset would be a data: URL, which the page's content security policy refuses.
    assetsInlineLimit: 0,
  },
});
