// Takes the gzip form of files over 1 MB (pdf.js's worker) out of the build: the program shall stay under 5 MiB, and who
// does not take brotli (browsers, by plain http from another machine) is on the same network and gets the plain form.
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

const LARGE_BYTES = 1_000_000;
for (const entry of await readdir('build', { recursive: true, withFileTypes: true })) {
	const path = join(entry.parentPath ?? entry.path, entry.name);
	if (entry.isFile() && !/\.(br|gz)$/.test(path) && (await stat(path)).size > LARGE_BYTES)
		await rm(`${path}.gz`, { force: true });
}
