import { vitePreprocess } from '@sveltejs/vite-plugin-svelte';

export default {
  preprocess: vitePreprocess(),
  compilerOptions: {
    runes: true,
    fragments: 'tree',
    discloseVersion: false,
    cssHash: ({ hash, css }) => `s${hash(css)}`,
  },
};
