// hob as a process: its folder, its lock, its end, its command line.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Hob, isAlive, PROGRAM, readAnswer, until } from '../lib/hob.mjs';
import { descendants } from '../lib/procs.mjs';

/** Runs the program to its end: {code, out, err}. */
function run(...args) {
  return new Promise((resolve) => {
    execFile(PROGRAM, args, { timeout: 20000 }, (e, out, err) => resolve({ code: e ? e.code : 0, out, err }));
  });
}

test('a second hob on the same data is refused and told which process holds it', async () => {
  const hob = await Hob.start();
  const second = await run('serve', '--listen', '127.0.0.1:0', '--data', hob.dir);
  assert.equal(second.code, 1);
  assert.match(second.err, new RegExp(`in use by process ${hob.pid} \\(hob\\)`));
  await hob.stop();
});

test('the data folder is private, and a data folder below a long path works', async () => {
  const base = await mkdtemp(join(tmpdir(), 'hob-'));
  const dir = join(base, 'a-folder-with-a-rather-long-name', 'and-another-one-below-it');
  const hob = await Hob.start({ dir });
  assert.equal((await stat(dir)).mode & 0o777, 0o700);
  const demo = await hob.server('demo');
  await hob.startServer(demo.id);
  await hob.stop();
  await rm(base, { recursive: true, force: true });
});

test('a wrong config is refused with file, line and what is expected', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'hob-'));
  const file = join(dir, 'hob.yaml');
  await writeFile(file, 'data: /x\nlisten_on: 1\n');
  const res = await run('serve', '--config', file);
  assert.equal(res.code, 2);
  assert.match(res.err, /hob\.yaml:2:1: unknown key "listen_on"; did you mean "listen"\?/);
  await rm(dir, { recursive: true });
});

test('hob does not listen beyond loopback before an admin exists', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'hob-'));
  const res = await run('serve', '--listen', '0.0.0.0:0', '--data', dir);
  assert.equal(res.code, 1);
  assert.match(res.err, /only when an admin exists/);
  await rm(dir, { recursive: true });
});

test('SIGTERM: answers end with an error event or complete, text is kept, engines end, exit 0', async () => {
  const hob = await Hob.start();
  const server = await hob.addDemo('steady', ['--tokens-per-second', '50']);
  await hob.startServer(server.id);
  const message = hob.message(server.id, 'long 60');
  const res = await hob.post('/api/chat/completions', message);
  const reading = readAnswer(res);
  const family = await descendants(hob.pid);
  assert.ok(family.length > 0);
  const { code } = await hob.terminate(40000);
  assert.equal(code, 0);
  const answer = await reading;
  assert.ok(answer.done, 'an answer that fits into the grace is completed');
  for (const p of family) assert.equal(await isAlive(p.pid), false);
  await hob.run();
  const { messages } = await hob.get(`/api/conversations/${message.conversation_id}`);
  assert.equal(messages[1].state, 'done');
  assert.equal(messages[1].content, answer.text);
  await hob.stop();
});

test('a second SIGTERM ends the grace: the answer is interrupted with its text', async () => {
  const hob = await Hob.start();
  const server = await hob.addDemo('steady', ['--tokens-per-second', '20']);
  await hob.startServer(server.id);
  const message = hob.message(server.id, 'long 3000');
  const reading = readAnswer(await hob.post('/api/chat/completions', message));
  await until(async () => (await hob.server('steady')).engine.active === 1, 'it streams');
  await new Promise((resolve) => setTimeout(resolve, 500));
  process.kill(hob.pid, 'SIGTERM');
  await new Promise((resolve) => setTimeout(resolve, 300));
  const begun = performance.now();
  const { code } = await hob.terminate();
  assert.equal(code, 0);
  assert.ok(performance.now() - begun < 8000);
  const answer = await reading;
  assert.equal(answer.error.state, 'interrupted');
  await hob.run();
  const { messages } = await hob.get(`/api/conversations/${message.conversation_id}`);
  assert.equal(messages[1].state, 'interrupted');
  assert.equal(messages[1].content, answer.text);
  await hob.stop();
});

test('engines die with hob, also on kill -9, and what they started as well', async () => {
  const hob = await Hob.start();
  const script = join(hob.dir, 'engine.sh');
  await writeFile(script, '#!/bin/sh\nsleep 600 &\nexec "$@"\n', { mode: 0o755 });
  const added = await hob.post('/api/servers', {
    name: 'forks',
    kind: 'command',
    command: [script, PROGRAM, 'demo-engine', '--port', '${PORT}']
  });
  assert.equal(added.status, 201, await added.clone().text());
  const { server } = await added.json();
  await hob.startServer(server.id);
  const family = await descendants(hob.pid);
  assert.ok(
    family.some((p) => p.cmdline.startsWith('sleep')),
    'the engine has a child of its own'
  );
  await hob.kill();
  await until(
    async () => (await Promise.all(family.map((p) => isAlive(p.pid)))).every((alive) => !alive),
    'all are gone',
    { ms: 1500 }
  );
  await rm(hob.dir, { recursive: true, force: true });
});

test('what an engine leaves behind on its port goes with it, and answers for nobody', async (t) => {
  const hob = await Hob.start();
  t.after(() => hob.stop());
  const key = await hob.addKey();
  const script = join(hob.dir, 'engine.sh');
  const left = join(hob.dir, 'left');
  /* A child in a session of its own takes the port and says that it is well; the engine ends a moment later. */
  const orphan = `require('http').createServer((q, s) => s.end('{"status":"ok","from":"orphan"}')).listen(process.argv[1])`;
  await writeFile(
    script,
    `#!/bin/sh\nsetsid "${process.execPath}" -e "$2" "$1" & echo $! >"${left}"; while [ ! -e "${left}.end" ]; do sleep 0.05; done; exit 3\n`,
    { mode: 0o755 }
  );
  const server = await hob.addCommand('leaver', [script, '${PORT}', orphan]);
  assert.equal(server.engine.state, 'ready');
  const pid = Number(await readFile(left, 'utf8'));
  assert.ok(await isAlive(pid));
  await hob.send('PATCH', `/api/servers/${server.id}`, { on_demand: false });
  await writeFile(`${left}.end`, '');
  await until(async () => !(await isAlive(pid)), 'the orphan has gone', { ms: 5000 });
  const { engine } = await until(async () => {
    const now = await hob.server('leaver');
    return now.engine.state !== 'ready' && now;
  }, 'it is not taken for ready');
  assert.match(engine.failure?.reason ?? '', /code 3/);
  await hob.post(`/api/servers/${server.id}/stop`);
  const res = await hob.post(
    '/v1/chat/completions',
    { model: 'leaver', messages: [{ role: 'user', content: 'hi' }] },
    { headers: { authorization: `Bearer ${key}`, cookie: '' } }
  );
  assert.doesNotMatch(await res.text(), /orphan/);
  assert.ok(res.status >= 500);
});

test('hob key add makes a key for some models and routes, until a time, with limits', async () => {
  const hob = await Hob.start();
  const rights = ['--models', 'de*, fast', '--routes', 'chat,embeddings', '--expires', '12h'];
  const limits = ['--requests', '60', '--tokens', '1000', '--parallel', '2'];
  const began = Date.now();
  const made = await run('key', 'add', 'scoped', ...rights, ...limits, '--data', hob.dir);
  assert.equal(made.code, 0, made.err);
  const { expires_at, ...scoped } = (await hob.get('/api/keys')).keys.find((k) => k.name === 'scoped');
  assert.deepEqual(
    [scoped.models, scoped.routes],
    [
      ['de*', 'fast'],
      ['chat', 'embeddings']
    ]
  );
  assert.deepEqual(scoped.limits, { requests_per_minute: 60, tokens_per_minute: 1000, max_parallel: 2 });
  assert.ok(Math.abs(expires_at - began - 12 * 3600000) < 60000);
  for (const wrong of [
    ['--expires', '12'],
    ['--expires', '0d'],
    ['--requests', '0'],
    ['--parallel', 'two']
  ]) {
    const res = await run('key', 'add', 'x', ...wrong, '--data', hob.dir);
    assert.equal(res.code, 2, wrong.join(' '));
    assert.match(res.err, /is not understood/);
  }
  const strange = await run('key', 'add', 'x', '--routes', 'telepathy', '--data', hob.dir);
  assert.equal(strange.code, 1);
  assert.match(strange.err, /"routes" must be/);
  await hob.stop();
});

test('hob key add makes a key that works; wrong usage is explained', async () => {
  const hob = await Hob.start();
  const { code, out } = await run('key', 'add', 'laptop', '--data', hob.dir);
  assert.equal(code, 0);
  assert.match(out, /^hob_\w{49}\n$/);
  const res = await fetch(`${hob.url}/v1/models`, { headers: { authorization: `Bearer ${out.trim()}` } });
  assert.equal(res.status, 200);
  assert.deepEqual(
    (await res.json()).data.map((m) => m.id),
    ['demo']
  );
  await hob.stop();
  assert.equal((await run('key', 'add')).code, 2);
  const none = await run('key', 'add', 'x', '--data', join(tmpdir(), 'hob-there-is-nothing'));
  assert.equal(none.code, 1);
  assert.match(none.err, /no hob runs with the data folder/);
  const unknown = await run('fly');
  assert.equal(unknown.code, 2);
  assert.match(unknown.err, /no command "fly"/);
});

test('1,000 requests and 40 engine starts leave no descriptor and no process behind', async () => {
  const hob = await Hob.start();
  const server = await hob.addDemo('again', ['--load-seconds', '0', '--die-while-loading']);
  const count = async () => (await readdir(`/proc/${hob.pid}/fd`)).length;
  const cycle = async () => {
    await hob.post(`/api/servers/${server.id}/start`);
    await hob.untilState(server.id, 'failed');
  };
  for (let i = 0; i < 5; i++) await cycle();
  await until(async () => (await descendants(hob.pid)).length === 0, 'warm-up engines are reaped');
  const before = await count();
  for (let i = 0; i < 40; i++) await cycle();
  for (let i = 0; i < 10; i++) await Promise.all(Array.from({ length: 100 }, () => hob.get('/health')));
  await until(async () => (await descendants(hob.pid)).length === 0, 'all engines are reaped, no zombie');
  await until(async () => (await count()) <= before + 100 + 3, 'descriptors');
  await hob.stop();
});
