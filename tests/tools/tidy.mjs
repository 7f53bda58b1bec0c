// tidy.mjs BUILD: runs clang-tidy on every C file of ours that BUILD compiles, as many at once as there are cores.
// A file that was clean is not looked at again until it, a header of ours that it includes, or a .clang-tidy changes.
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative, resolve } from 'node:path';

const build = process.argv[2];
const root = process.cwd();
const cache = join(build, 'tidy');
mkdirSync(cache, { recursive: true });

/** [source, its headers ...] of every object, only files of ours, as ninja noted them when it compiled. */
function compiled() {
  const sets = [];
  for (const block of execFileSync('ninja', ['-C', build, '-t', 'deps'], {
    encoding: 'utf8',
    maxBuffer: 1 << 28
  }).split('\n\n')) {
    const files = block
      .split('\n')
      .slice(1)
      .map((line) => relative(root, resolve(build, line.trim())))
      .filter((path) => /^(src|tests)\//.test(path));
    if (files[0]?.endsWith('.c')) sets.push(files);
  }
  return sets;
}

const version = execFileSync('clang-tidy', ['--version'], { encoding: 'utf8' }).match(/version \S+/)[0];
const configs = ['.clang-tidy', 'tests/unit/.clang-tidy'].map((path) => readFileSync(path, 'utf8')).join();
const key = (files) => {
  const hash = createHash('sha256').update(version).update(configs);
  for (const file of files) hash.update(file).update(readFileSync(file));
  return join(cache, hash.digest('hex'));
};

const waiting = compiled().map((files) => ({ source: files[0], stamp: key(files) }));
const todo = waiting.filter(({ stamp }) => !existsSync(stamp));
if (waiting.length === 0) throw new Error(`${build} compiles nothing of ours`);
const shown = new Set();
let bad = 0;

/** Prints each finding once; those in a header come with every file that includes it. */
function show(out) {
  for (const finding of out
    .replaceAll(`${root}/${build}/../`, '')
    .replace(/^\.\.\//gm, '')
    .split(/^(?=\S+:\d+:\d+: (?:error|warning): )/m)) {
    if (!shown.has(finding)) process.stdout.write(finding);
    shown.add(finding);
  }
}

async function worker() {
  for (let job = todo.shift(); job; job = todo.shift()) {
    const { source, stamp } = job;
    const run = await new Promise((done) =>
      execFile('clang-tidy', ['-p', build, '--quiet', source], { maxBuffer: 1 << 26 }, (error, out) =>
        done({ error, out })
      )
    );
    if (run.error) {
      bad++;
      show(run.out || `${source}: ${run.error.message}\n`);
    } else writeFileSync(stamp, '');
  }
}

const fresh = todo.length;
await Promise.all(Array.from({ length: availableParallelism() }, worker));
console.log(`clang-tidy: ${waiting.length} files, ${fresh} looked at, ${bad} with findings`);
process.exitCode = bad ? 1 : 0;
