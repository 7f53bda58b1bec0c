// tally.mjs counts what ran: nothing that did not run, broke off or was skipped may look like a pass.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const tool = join(import.meta.dirname, 'tally.mjs');

function folder(t) {
  const dir = mkdtempSync(join(tmpdir(), 'hob-tally-'));
  t.after(() => rmSync(dir, { recursive: true }));
  return dir;
}

function tally(t, kind, text) {
  const file = join(folder(t), 'results');
  writeFileSync(file, text);
  return spawnSync(process.execPath, [tool, kind, file], { encoding: 'utf8' }).stdout.trim();
}

const program = (stdout, result = 'OK') => JSON.stringify({ name: 'x', stdout, result });

const MESON = [
  ['all pass', [program('1..2\nok 1 - a\nok 2 - b\n')], '2 0 0'],
  ['one fails', [program('1..2\nok 1 - a\nnot ok 2 - b\n', 'FAIL')], '1 1 0'],
  ['one is skipped', [program('1..2\nok 1 - a\nok 2 - b # SKIP no disk\n')], '1 0 1'],
  ['a leak is found after all passed', [program('1..1\nok 1 - a\n', 'ERROR')], '1 1 0'],
  ['it crashes before the first', [program('', 'ERROR')], '0 1 0'],
  ['it prints no test', [program('hello\n')], '0 1 0'],
  ['two programs', [program('1..1\nok 1 - a\n'), program('1..1\nnot ok 1 - a\n', 'FAIL')], '1 1 0']
];
for (const [name, lines, want] of MESON)
  test(`meson: ${name}`, (t) => assert.equal(tally(t, 'meson', lines.join('\n') + '\n'), want));

const NODE = [
  [
    'passes and a skip',
    "test('a', () => {}); test('b', (t) => t.test('c', () => {})); test('d', { skip: 'why' }, () => {});",
    '3 0 1'
  ],
  ['a failure', "test('a', () => {}); test('b', () => { throw new Error('x'); });", '1 1 0'],
  ['a file that cannot be loaded', "import './nothing.mjs';", '0 1 0'],
  ['a file without a test', '', '0 1 0'],
  ['a test that never ends', "test('a', () => new Promise(() => {}));", '0 1 0']
];
for (const [name, body, want] of NODE)
  test(`node: ${name}`, (t) => {
    const dir = folder(t);
    const [file, out] = [join(dir, 'x.test.mjs'), join(dir, 'tap')];
    writeFileSync(file, `import { test } from 'node:test';\n${body}\n`);
    const env = { ...process.env };
    delete env.NODE_TEST_CONTEXT;
    spawnSync(process.execPath, ['--test', '--test-reporter=tap', `--test-reporter-destination=${out}`, file], {
      env
    });
    assert.ok(existsSync(out));
    assert.equal(spawnSync(process.execPath, [tool, 'tap', out], { encoding: 'utf8' }).stdout.trim(), want);
  });

const report = (fields) =>
  JSON.stringify({
    numPassedTests: 0,
    numFailedTests: 0,
    numPendingTests: 0,
    numTodoTests: 0,
    numFailedTestSuites: 0,
    ...fields
  });

const VITEST = [
  [
    'passes, a failure, a skip',
    { numPassedTests: 5, numFailedTests: 1, numPendingTests: 1, numFailedTestSuites: 1 },
    '5 1 1'
  ],
  ['a file that cannot be loaded', { numPassedTests: 5, numFailedTestSuites: 1 }, '5 1 0']
];
for (const [name, fields, want] of VITEST)
  test(`vitest: ${name}`, (t) => assert.equal(tally(t, 'vitest', report(fields)), want));
