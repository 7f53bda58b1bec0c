// docs/testing.md names tests; each of them must be there.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

/** What the files that a short name may stand for hold. */
function textOf(name) {
  const paths = [
    ...['integration', 'chaos', 'e2e'].map((kind) => `tests/${kind}/${name}.test.mjs`),
    `tests/unit/${name}.c`
  ];
  const there = paths.map((path) => join(root, path)).filter(existsSync);
  return there.map((path) => readFileSync(path, 'utf8')).join('\n');
}

test('each complaint has tests, and they exist', () => {
  const rows = readFileSync(join(root, 'docs/testing.md'), 'utf8')
    .split('\n')
    .filter((line) => /^\| (?!complaint|---)/.test(line));
  assert.ok(rows.length > 20, `${rows.length} rows`);
  for (const row of rows) {
    const named = [
      ...row
        .split(' | ')
        .at(-1)
        .matchAll(/(\w+): `([^`]+)`/g)
    ];
    assert.ok(named.length > 0, `no test: ${row}`);
    for (const [, file, title] of named) assert.ok(textOf(file).includes(title), `${file} has no test "${title}"`);
  }
});
