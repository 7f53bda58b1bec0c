// tally.mjs KIND FILE: reads a test runner's results and prints "PASSED FAILED SKIPPED".
//   meson   meson-logs/testlog.json: programs that print TAP, one test a line
//   tap     what `node --test --test-reporter=tap` writes
//   vitest  what vitest's json reporter writes
// A program that ended badly although all its tests passed, and a file without a test, count as failed.
import { readFileSync } from 'node:fs';

const count = (text, pattern) => (text.match(pattern) ?? []).length;

function meson(text) {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const line of text.split('\n').filter(Boolean)) {
    const run = JSON.parse(line);
    const skipped = count(run.stdout, /^ok \d+.*# SKIP/gim);
    const passed = count(run.stdout, /^ok \d+/gm) - skipped;
    let failed = count(run.stdout, /^not ok \d+/gm);
    if (failed === 0 && (run.result !== 'OK' || passed + skipped === 0)) failed = 1;
    sum.passed += passed;
    sum.failed += failed;
    sum.skipped += skipped;
  }
  return sum;
}

function tap(text) {
  const total = (name) => Number(text.match(new RegExp(`^# ${name} (\\d+)$`, 'm'))[1]);
  // a file that defines no test is itself reported as one that passed
  const empty = count(text, /^ok \d+ - .*\.test\.mjs$/gm);
  return {
    passed: total('pass') - empty,
    failed: total('fail') + total('cancelled') + empty,
    skipped: total('skipped') + total('todo')
  };
}

function vitest(text) {
  const r = JSON.parse(text);
  const suites = r.numFailedTests === 0 ? r.numFailedTestSuites : 0;
  return { passed: r.numPassedTests, failed: r.numFailedTests + suites, skipped: r.numPendingTests + r.numTodoTests };
}

const [kind, file] = process.argv.slice(2);
const { passed, failed, skipped } = { meson, tap, vitest }[kind](readFileSync(file, 'utf8'));
console.log(passed, failed, skipped);
