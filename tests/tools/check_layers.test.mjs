// script/check-layers finds each kind of breach and accepts what the rules allow.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const script = join(import.meta.dirname, '../../script/check-layers');
const LAYERS = '# level room holds\n0 util all of it\n1 loop glue\n1 store rows\n2 http messages\n';

/** Runs the script on a tree made of `files` ({path: text}); layers.txt is LAYERS unless given. */
function check(t, files) {
  const tree = mkdtempSync(join(tmpdir(), 'hob-layers-'));
  t.after(() => rmSync(tree, { recursive: true }));
  for (const [path, text] of Object.entries({ 'docs/layers.txt': LAYERS, ...files })) {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), text);
  }
  const run = spawnSync(script, [tree], { encoding: 'utf8' });
  return { status: run.status, out: run.stdout + run.stderr };
}

const ALLOWED = {
  'src/main.c': '#include "http/http.h"\n#include "loop/loop.h"\n',
  'src/util/util_buf.h': '#include <stddef.h>\n',
  'src/loop/loop.c': '#include "loop/loop.h"\n#include "util/util.h"\n#include <uv.h>\n',
  'src/http/http_conn.c':
    '#include "http/http_conn.h"\n#include "loop/loop.h"\n#include "http/http.h"\n#include <sys/uio.h>\n'
};

test('includes that go down are accepted and counted', (t) => {
  const { status, out } = check(t, ALLOWED);
  assert.equal(status, 0, out);
  assert.match(out, /4 files, 10 includes, 4 rooms/);
});

const BREACHES = [
  ['a higher level', 'src/util/buf.c', '#include "loop/loop.h"', /util \(level 0\) may not include loop \(level 1\)/],
  [
    'the same level',
    'src/loop/work.c',
    '#include "store/store.h"',
    /loop \(level 1\) may not include store \(level 1\)/
  ],
  [
    'a part of another room',
    'src/http/http_tls.c',
    '#include "loop/loop_timer.h"',
    /private to loop: include "loop\/loop.h"/
  ],
  ['a part, from main.c', 'src/main.c', '#include "loop/loop_timer.h"', /private to loop/],
  ['no room', 'src/http/http_x.c', '#include "helpers.h"', /in no room/],
  ['a way round by ..', 'src/util/buf.c', '#include "../loop/loop.h"', /in no room/],
  ['angle brackets', 'src/util/buf.c', '#include <loop/loop.h>', /is ours/],
  ['odd spacing', 'src/util/buf.c', '  #  include\t"loop/loop.h" /* why */', /may not include loop/],
  ['an unknown folder', 'src/misc/x.c', '#include <stdio.h>', /no room of docs\/layers.txt/]
];

for (const [name, path, line, message] of BREACHES)
  test(`refused: ${name}`, (t) => {
    const { status, out } = check(t, { ...ALLOWED, [path]: `/* first line */\n${line}\n` });
    assert.equal(status, 1, out);
    assert.match(out, message);
    assert.match(out, new RegExp(`^${path.replace('.', '\\.')}:\\d+: `, 'm'));
  });

test('a tree without sources or rooms is an error, not a success', (t) => {
  assert.equal(check(t, { 'src/README': 'x' }).status, 1);
  assert.equal(check(t, { ...ALLOWED, 'docs/layers.txt': '# nothing\n' }).status, 1);
});
