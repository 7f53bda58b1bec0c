// What happens at the edges: rights that end in the middle, a port that is taken, an end that nobody waits for.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Hob, PROGRAM, readAnswer, until } from '../lib/hob.mjs';
import { descendants } from '../lib/procs.mjs';

/** Fails when the promise is not settled in time. */
function within(ms, promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${what}`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function addUser(hob, name) {
  const login = { name, password: `password of ${name}` };
  assert.equal((await hob.post('/api/signup', login)).status, 202);
  const { id } = (await hob.get('/api/users')).users.find((u) => u.name === name);
  assert.equal((await hob.post(`/api/users/${id}/approve`)).status, 200);
  const res = await hob.post('/api/login', login);
  assert.equal(res.status, 200);
  return { id, headers: { cookie: res.headers.getSetCookie()[0].split(';')[0] } };
}

test('a port that is taken is said at once, and nothing is left, no engine that started meanwhile either', async () => {
  const hob = await Hob.start();
  const dir = await mkdtemp(join(tmpdir(), 'hob-'));
  const first = await Hob.start({ dir });
  await first.addDemo('auto', ['--load-seconds', '60'], { autostart: true });
  await first.terminate();
  const args = ['serve', '--listen', `127.0.0.1:${hob.port}`, '--data', dir];
  const { code, err } = await new Promise((resolve) => {
    execFile(PROGRAM, args, { timeout: 5000 }, (e, out, text) => resolve({ code: e?.code, err: text }));
  });
  assert.equal(code, 1, err);
  assert.match(err, /cannot listen on 127\.0\.0\.1 port \d+/);
  assert.doesNotMatch(err, /Sanitizer|Assertion|still open/);
  await rm(dir, { recursive: true });
  await hob.stop();
});

test('who loses the right to a stream loses the stream: a watched answer, one that is still awaited, and one of a key', async () => {
  const hob = await Hob.start();
  const slow = await hob.addDemo('slow', ['--tokens-per-second', '20', '--slots', '2']);
  const mute = await hob.addDemo('mute', ['--hang-after-tokens', '0']);
  await hob.startServer(slow.id);
  await hob.startServer(mute.id);
  const user = await addUser(hob, 'eve');
  const watched = await hob.post('/api/chat/completions', hob.message(slow.id, 'long 2000'), user);
  assert.equal(watched.status, 200);
  const awaited = hob.post('/api/chat/completions', hob.message(mute.id, 'hello'), user);

  const key = await (await hob.post('/api/keys', { name: 'short' })).json();
  const body = { model: 'slow', stream: true, messages: [{ role: 'user', content: 'long 2000' }] };
  const proxied = await hob.post('/v1/chat/completions', body, {
    headers: { authorization: `Bearer ${key.secret}`, cookie: '' }
  });
  assert.equal(proxied.status, 200);
  const readings = [readAnswer(watched), readAnswer(proxied)];
  await until(async () => (await hob.server('mute')).engine.active === 1, 'the silent engine was asked');

  assert.equal((await hob.post(`/api/users/${user.id}/disable`)).status, 200);
  assert.equal((await hob.request(`/api/keys/${key.key.id}`, { method: 'DELETE' })).status, 204);
  for (const reading of readings) assert.equal((await within(2000, reading, 'the stream ends')).done, null);
  await until(async () => (await hob.server('slow')).engine.active <= 1, 'the engine works for the key no more');
  const res = await within(8000, awaited, 'the awaited answer is refused');
  assert.equal(res.status, 401);
  process.kill(hob.pid, 'SIGTERM');
  await until(() => /stopping;/.test(hob.log), 'the first signal arrived');
  await hob.stop();
});

test('a second SIGTERM does not wait for an engine that ignores the first', async () => {
  const hob = await Hob.start();
  const script = join(hob.dir, 'deaf.sh');
  await writeFile(script, '#!/bin/sh\ntrap "" TERM\n"$@" &\nwhile :; do sleep 1; done\n', { mode: 0o755 });
  const command = [script, PROGRAM, 'demo-engine', '--port', '${PORT}'];
  const res = await hob.post('/api/servers', { name: 'deaf', kind: 'command', command });
  assert.equal(res.status, 201);
  await hob.startServer((await res.json()).server.id);
  process.kill(hob.pid, 'SIGTERM');
  await until(() => /stopping;/.test(hob.log), 'the first signal arrived');
  const begun = performance.now();
  const { code } = await hob.terminate();
  assert.equal(code, 0, hob.log);
  assert.ok(performance.now() - begun < 8000, 'it did not wait for the 10 s that an engine has');
  await rm(hob.dir, { recursive: true, force: true });
});

test('SIGTERM at any moment of the start is a clean end', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'hob-'));
  const first = await Hob.start({ dir });
  await first.addDemo('auto', ['--load-seconds', '1'], { autostart: true });
  await first.terminate();
  for (let ms = 20; ms <= 400; ms += 40) {
    const { code, signal, err } = await new Promise((resolve) => {
      const child = execFile(PROGRAM, ['serve', '--listen', '127.0.0.1:0', '--data', dir], (e, out, text) =>
        resolve({ code: e ? e.code : 0, signal: child.signalCode, err: text })
      );
      setTimeout(() => child.kill('SIGTERM'), ms);
    });
    assert.ok(code === 0 || signal === 'SIGTERM', `after ${ms} ms: ${code} ${err}`);
    assert.doesNotMatch(err, /Sanitizer|Assertion|still open/);
  }
  await rm(dir, { recursive: true, force: true });
});

test('a field of the wrong type is 400 and named, on every route with a body', async () => {
  const hob = await Hob.start();
  const { id } = await hob.server('demo');
  const conversation_id = randomUUID();
  const message = { id: randomUUID(), parent_id: null, content: 'x' };
  const key = (await (await hob.post('/api/keys', { name: 'types' })).json()).secret;
  const bearer = { headers: { authorization: `Bearer ${key}`, cookie: '' } };
  const routes = [
    ['POST', '/api/setup', { token: 'x', name: 'x', password: 'xxxxxxxx' }],
    ['POST', '/api/login', { name: 'x', password: 'xxxxxxxx' }],
    ['POST', '/api/signup', { name: 'x', password: 'xxxxxxxx' }],
    ['POST', '/api/keys', { name: 'x' }],
    [
      'POST',
      '/api/servers',
      { name: 'x', kind: 'demo', args: [], system_prompt: '', on_demand: true, autostart: true }
    ],
    [
      'PATCH',
      `/api/servers/${id}`,
      { name: 'x', kind: 'demo', args: [], system_prompt: '', on_demand: true, autostart: true }
    ],
    ['PUT', `/api/messages/${randomUUID()}`, { conversation_id, parent_id: null, content: 'x', server: id }],
    ['POST', '/api/chat/completions', { conversation_id, message, server: id, mode: 'send', options: {} }],
    ['POST', '/v1/chat/completions', { model: 'demo' }, bearer]
  ];
  for (const [method, path, body, init] of routes) {
    for (const field of Object.keys(body)) {
      for (const wrong of [-1e300, [[]], { a: 1 }, 18446744073709551616]) {
        if (['options', 'message'].includes(field) && !Array.isArray(wrong) && typeof wrong === 'object') continue;
        const res = await hob.send(method, path, { ...body, [field]: wrong }, init);
        const { error } = await res.json();
        const said = `${method} ${path} ${field}=${JSON.stringify(wrong)}: ${res.status} ${JSON.stringify(error)}`;
        assert.equal(res.status, 400, said);
        assert.ok(error.param?.includes(field), said);
      }
    }
  }
  assert.equal((await hob.get('/api/conversations')).conversations.length, 0, 'nothing was stored');
  await hob.stop();
});

test('keys, passwords and prompts are in no log, command line or environment', async () => {
  const hob = new Hob(await mkdtemp(join(tmpdir(), 'hob-')));
  await hob.run({ args: ['--verbose'] });
  const account = { name: 'ada', password: 'canary-password-1' };
  await hob.setUp(account);
  const key = (await (await hob.post('/api/keys', { name: 'k' })).json()).secret;
  const server = await hob.addDemo('quick', ['--tokens-per-second', '0']);
  await hob.startServer(server.id);
  const answer = await readAnswer(
    await hob.post('/api/chat/completions', hob.message(server.id, 'echo canary-prompt-1'))
  );
  assert.match(answer.text, /canary-prompt-1/);
  const headers = { authorization: `Bearer ${key}`, cookie: '' };
  await (
    await hob.post(
      '/v1/chat/completions',
      { model: 'quick', messages: [{ role: 'user', content: 'echo canary-prompt-2' }] },
      { headers }
    )
  ).text();
  await hob.post('/api/login', { name: 'ada', password: 'canary-password-2' });
  const { lines } = await hob.get(`/api/servers/${server.id}/log`);
  const family = [{ pid: hob.pid, cmdline: '' }, ...(await descendants(hob.pid))];
  const shown = await Promise.all(
    family.flatMap(({ pid }) => ['cmdline', 'environ'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8')))
  );
  const said = hob.log + JSON.stringify(lines) + shown.join();
  for (const secret of ['canary-', key, hob.cookie.split('=')[1]]) assert.ok(!said.includes(secret), secret);
  await hob.stop();
});
