import preact from '@preact/preset-vite';
import {defineConfig} from 'vite';
import type {Plugin} from 'vite';

/**
 * What the built page may do: run its own scripts and WebAssembly, and talk to its own origin. An image can therefore
 * not leave it. In the page itself, so that it holds on any server. (frame-ancestors would be ignored there.)
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "connect-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** Vite's development server needs inline styles and a socket, so the policy comes with the build. */
function securityPolicy(): Plugin {
  return {
    name: 'security-policy',
    apply: 'build',
    transformIndexHtml: () => [
      {tag: 'meta', attrs: {'http-equiv': 'Content-Security-Policy', content: POLICY}, injectTo: 'head-prepend'},
    ],
  };
}

// The page uses relative addresses only, so that the built folder works from any path.
export default defineConfig({
  root: 'web',
  base: './',
  plugins: [preact(), securityPolicy()],
  worker: {format: 'es'},
  build: {
    outDir: '../dist',
    emptyOutDir: true,
    target: 'es2023',
    // An inlined asset would be a data: URL, which the page's content security policy refuses.
    assetsInlineLimit: 0,
    modulePreload: {polyfill: false},
  },
});
