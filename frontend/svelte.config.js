import adapter from '@sveltejs/adapter-static';
import { vitePreprocess } from '@sveltejs/vite-plugin-svelte';

// The Content-Security-Policy is a response header of hob: scripts/csp.mjs computes it after the build.
/** @type {import('@sveltejs/kit').Config} */
const config = {
	preprocess: vitePreprocess(),
	compilerOptions: {
		runes: ({ filename }) => (filename.split(/[/\\]/).includes('node_modules') ? undefined : true)
	},
	kit: {
		adapter: adapter({
			pages: 'build',
			assets: 'build',
			fallback: 'index.html',
			precompress: true,
			strict: true
		}),
		// The manifest of routes and absolute asset paths must work at /chat/<id> too.
		paths: { relative: false },
		output: { bundleStrategy: 'split' },
		version: { pollInterval: 0 },
		// Only for who switches notifications on: lib/notices/desktop.svelte.ts.
		serviceWorker: { register: false }
	}
};
export default config;
