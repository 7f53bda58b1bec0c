import { sveltekit } from '@sveltejs/kit/vite';
import tailwindcss from '@tailwindcss/vite';
import { svelteTesting } from '@testing-library/svelte/vite';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

// KaTeX's stylesheet names woff2, woff and ttf; every supported browser takes woff2.
const katexWoff2Only: Plugin = {
	name: 'katex-woff2-only',
	enforce: 'pre',
	transform(code, id) {
		if (!/katex(\.min)?\.css/.test(id)) return null;
		return code.replace(
			/,\s*url\([^)]+\.(?:woff|ttf)\)\s*format\(["'](?:woff|truetype)["']\)/g,
			''
		);
	}
};
// Of pdf.js only what reads text is for us. It hangs all it has on globalThis, and classes with static members count as
// having effects: without the first, and with the second marked as pure, what draws and edits pages is left out.
const pdfTextOnly: Plugin = {
	name: 'pdf-text-only',
	enforce: 'pre',
	transform(code, id) {
		if (!/pdfjs-dist\/build\/pdf\.mjs/.test(id)) return null;
		const shaken = code
			.replace(/^globalThis\.pdfjsLib = \{[^}]*\};$/m, '')
			.replace(
				/^class (\w+)( extends \w+)? \{\n[^]*?^\}$/gm,
				(text, name: string) =>
					`const ${name} = /* @__PURE__ */ (() => { ${text} return ${name}; })();`
			);
		if (shaken.includes('pdfjsLib =')) this.error('pdf.js looks different; see pdfTextOnly');
		return shaken;
	}
};
const hob = process.env.HOB_URL ?? 'http://127.0.0.1:4620';

export default defineConfig({
	plugins: [katexWoff2Only, pdfTextOnly, tailwindcss(), sveltekit(), svelteTesting()],
	// No inlined fonts: the policy allows font-src 'self' only.
	build: {
		target: 'es2022',
		reportCompressedSize: false,
		chunkSizeWarningLimit: 900,
		assetsInlineLimit: 0
	},
	server: { proxy: { '/v1': hob, '/api': hob } },
	test: {
		environment: 'jsdom',
		setupFiles: ['./src/test-setup.ts'],
		restoreMocks: true,
		// What hangs is found as well; a busy machine may be slow.
		testTimeout: 30_000,
		expect: { requireAssertions: true },
		// A process for each file takes most of its time to load jsdom: what is drawn shares two threads, each file in a
		// context of its own. What keeps hob's answers cannot: Svelte's state takes what Node makes for another
		// context's, and does not follow it.
		projects: [
			{
				extends: true,
				test: { name: 'state', include: ['src/lib/{api,state}/**/*.test.ts'] }
			},
			{
				extends: true,
				test: {
					name: 'page',
					pool: 'vmThreads',
					include: ['src/**/*.test.ts'],
					exclude: ['src/lib/{api,state}/**']
				}
			}
		]
	}
});
