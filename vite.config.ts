import preact from '@preact/preset-vite';
import {defineConfig} from 'vite';
import type {Plugin} from 'vite';
import {VitePWA} from 'vite-plugin-pwa';

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
  "manifest-src 'self'",
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

/** Lets the page be installed, work without a network, and be what .qcow2 files are opened with. */
function installable() {
  return VitePWA({
    // A newer version is never taken while an image is open: the user decides.
    registerType: 'prompt',
    injectRegister: null,
    manifest: {
      id: './',
      name: 'qcowscope',
      short_name: 'qcowscope',
      description: 'Look into a damaged qcow2 disk image, see what is wrong, preview the repair, save a repaired copy.',
      start_url: './',
      scope: './',
      display: 'standalone',
      background_color: '#f4f3ef',
      theme_color: '#f4f3ef',
      categories: ['utilities', 'developer'],
      icons: [
        {src: 'icon.svg', sizes: 'any', type: 'image/svg+xml'},
        {src: 'icon-192.png', sizes: '192x192', type: 'image/png'},
        {src: 'icon-512.png', sizes: '512x512', type: 'image/png'},
        {src: 'icon-maskable.png', sizes: '512x512', type: 'image/png', purpose: 'maskable'},
      ],
      file_handlers: [{action: './', accept: {'application/x-qemu-disk': ['.qcow2', '.qcow', '.qc2']}}],
      launch_handler: {client_mode: ['focus-existing', 'auto']},
    },
    workbox: {
      globPatterns: ['**/*.{html,js,css,wasm,svg,png,json,qcow2}'],
      maximumFileSizeToCacheInBytes: 64 << 20,
      navigateFallback: 'index.html',
      navigateFallbackDenylist: [/\/api\//],
      inlineWorkboxRuntime: true,
      cleanupOutdatedCaches: true,
    },
  });
}

// The page uses relative addresses only, so that the built folder works from any path.
export default defineConfig({
  root: 'web',
  base: './',
  plugins: [preact(), securityPolicy(), installable()],
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
