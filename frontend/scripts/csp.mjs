// Writes build/csp.txt: the Content-Security-Policy that hob sends with the page. Kit's own hash mode
// emits a meta tag, where frame-ancestors is ignored, so the hashes of the inline scripts go into the header.
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';

const html = await readFile('build/index.html', 'utf8');
const hashes = [...html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g)].map(
	(m) => `'sha256-${createHash('sha256').update(m[1]).digest('base64')}'`
);
if (hashes.length === 0) throw new Error('build/index.html has no inline script: did Kit change?');
const policy = [
	"default-src 'self'",
	`script-src 'self' ${hashes.join(' ')}`,
	"style-src 'self' 'unsafe-inline'",
	"img-src 'self' data: blob:",
	"font-src 'self'",
	"connect-src 'self'",
	"worker-src 'self' blob:",
	"object-src 'none'",
	"base-uri 'self'",
	"form-action 'self'",
	"frame-ancestors 'none'"
].join('; ');
await writeFile('build/csp.txt', policy);
console.log(`build/csp.txt: ${hashes.length} inline script${hashes.length === 1 ? '' : 's'}`);
