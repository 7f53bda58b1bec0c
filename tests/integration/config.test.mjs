// Settings and servers of a file: what it makes, and what becomes of a change while hob runs.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { events, Hob, isAlive, PROGRAM, until } from '../lib/hob.mjs';

let dir, file, hob;
const demo = (more = '') => `{kind: demo, args: [--load-seconds, 0]${more}}`;
const write = (servers, top = '') =>
  writeFile(file, `titles: message\n${top}servers:\n${servers.map(([n, s]) => `  ${n}: ${s}\n`).join('')}`);
const names = async () => (await hob.get('/api/servers')).servers.map((s) => s.name).sort();
const config = async () => (await hob.get('/api/config')).config;
const settled = (list) => until(async () => (await names()).join() === list.join(), `the servers are ${list}`);
const hup = () => process.kill(hob.pid, 'SIGHUP');

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hob-config-'));
  file = join(dir, 'hob.yaml');
  await write([
    ['one', demo(', aliases: [uno]')],
    ['two', demo()]
  ]);
  hob = await Hob.start({ args: ['--config', file] });
});
after(async () => {
  await hob?.stop();
  await rm(dir, { recursive: true, force: true });
});

test('the servers of the file are there, say so, and can be changed in the file only', async () => {
  assert.deepEqual(await names(), ['one', 'two']);
  const one = await hob.server('one');
  assert.deepEqual([one.source, one.file, one.aliases, one.needs_restart], ['file', 'hob.yaml', ['uno'], false]);
  for (const [method, path, body] of [
    ['PATCH', `/api/servers/${one.id}`, { name: 'other' }],
    ['DELETE', `/api/servers/${one.id}`, undefined]
  ]) {
    const res = body ? await hob.send(method, path, body) : await hob.request(path, { method });
    assert.equal(res.status, 409);
    assert.match((await res.json()).error.message, /one is defined in hob\.yaml and can only be changed there/);
  }
  const taken = await hob.post('/api/servers', { name: 'UNO', kind: 'demo' });
  assert.equal(taken.status, 409);
  assert.match((await taken.json()).error.message, /of the file hob\.yaml/);
  const state = await config();
  assert.deepEqual([state.file, state.error, state.needs_restart], [file, null, []]);
});

test('SIGHUP makes the difference true; an engine whose server did not change keeps its process', async () => {
  const one = await hob.startServer((await hob.server('one')).id);
  const two = await hob.startServer((await hob.server('two')).id);
  await hob.addDemo('page');
  await write([
    ['one', demo(', aliases: [uno]')],
    ['two', `{kind: demo, args: [--load-seconds, 0, --think], system_prompt: Be kind.}`],
    ['three', demo(', autostart: true')]
  ]);
  hup();
  await settled(['one', 'page', 'three', 'two']);
  const now = { one: await hob.server('one'), two: await hob.server('two') };
  assert.equal(now.one.engine.pid, one.engine.pid);
  assert.equal(now.one.needs_restart, false);
  assert.equal(now.two.engine.pid, two.engine.pid);
  assert.deepEqual([now.two.needs_restart, now.two.system_prompt, now.two.args.at(-1)], [true, 'Be kind.', '--think']);
  const three = await hob.server('three');
  await hob.untilState(three.id, 'ready');
  await hob.post(`/api/servers/${two.id}/restart`);
  const again = await hob.untilState(two.id, 'ready');
  assert.equal(again.needs_restart, false);
  assert.notEqual(again.engine.pid, two.engine.pid);
  await write([
    ['one', demo(', aliases: [uno]')],
    ['three', demo(', autostart: true')]
  ]);
  hup();
  await settled(['one', 'page', 'three']);
  await until(async () => !(await isAlive(again.engine.pid)), 'the engine of a removed server ends');
  assert.ok(await isAlive(one.engine.pid));
  assert.equal((await hob.server('three')).engine.state, 'ready');
});

test('a change of the file is noticed by itself: written in place, renamed over, behind a link', async () => {
  await write([['inplace', demo()]]);
  await settled(['inplace', 'page']);
  const other = join(dir, '.hob.yaml.swp');
  const real = file;
  file = other;
  await write([['renamed', demo()]]);
  file = real;
  await rename(other, file);
  await settled(['page', 'renamed']);
  file = join(dir, 'v2.yaml');
  await write([['linked', demo()]]);
  await symlink('v2.yaml', join(dir, 'next'));
  file = real;
  await rename(join(dir, 'next'), file);
  await settled(['linked', 'page']);
  await rm(file);
  await until(async () => (await config()).error, 'hob says that the file is gone');
  assert.deepEqual(await names(), ['linked', 'page']);
  await write([['one', demo()]]);
  await settled(['one', 'page']);
  assert.equal((await config()).error, null);
});

test('a file with a fault changes nothing, and admins see what is wrong', async () => {
  const one = await hob.startServer((await hob.server('one')).id);
  const seen = [];
  const stop = new AbortController();
  const feed = await hob.request('/api/events', { signal: stop.signal });
  const reading = (async () => {
    for await (const ev of events(feed)) if (ev.event === 'config') seen.push(JSON.parse(ev.data));
  })().catch(() => {});
  await writeFile(file, 'titles: message\nallowed_hosts: [changed.example]\nservers:\n  one: {kind: demo, slotz: 4}\n');
  const state = await until(async () => {
    const c = await config();
    return c.error && c;
  }, 'the fault is seen');
  assert.match(state.error, /hob\.yaml:4:21: unknown key "slotz"; did you mean "slots"\?/);
  await until(() => seen.some((c) => c.is_in_force === false), 'an event says so');
  stop.abort();
  await reading;
  assert.match(hob.log, /error .*slotz.*stay in force/);
  assert.deepEqual(await names(), ['one', 'page']);
  assert.equal((await hob.server('one')).engine.pid, one.engine.pid);
  // A name that the page has given away is a fault that only the whole shows.
  await write([
    ['one', demo()],
    ['PAGE', demo()]
  ]);
  await until(async () => /PAGE.*made on the page/.test((await config()).error), 'the clash is named');
  assert.deepEqual(await names(), ['one', 'page']);
  await write([['one', demo()]]);
  await until(async () => (await config()).error === null, 'it is good again');
  assert.equal((await hob.server('one')).engine.pid, one.engine.pid);
});

test('hosts, folders and the log level hold at once; what cannot is said to need a restart', async () => {
  // fetch never sends another Host; a raw request does.
  const { request } = await import('node:http');
  const hostStatus = (host) =>
    new Promise((resolve, reject) =>
      request({ port: hob.port, path: '/api/session', headers: { host } }, (res) => {
        res.resume();
        resolve(res.statusCode);
      })
        .on('error', reject)
        .end()
    );
  assert.equal(await hostStatus('new.example'), 421);
  await write(
    [['one', demo()]],
    `allowed_hosts: [new.example]\nmodel_folders: [${dir}]\nlog_level: debug\nlisten: 127.0.0.1:1\ndata: /elsewhere\n`
  );
  await until(async () => (await hostStatus('new.example')) !== 421, 'the new host is let in');
  assert.ok((await hob.get('/api/models')).folders.includes(dir));
  assert.match(hob.log, /debug /);
  // listen and data came from the command line, which wins.
  assert.deepEqual((await config()).needs_restart, []);
  await write([['one', demo()]], 'llama_server: /bin/true\n');
  await until(async () => (await config()).needs_restart.join() === 'llama_server', 'a restart is asked for');
  await write([['one', demo()]]);
  await until(async () => (await config()).needs_restart.length === 0, 'it is as it was');
});

test('the budget and the kinds of groups come from the file', async () => {
  const memory = async () => (await hob.get('/api/memory')).memory;
  await write([['one', demo(', group: big')]], 'memory: {budget: 3G, turn_s: 7, groups: {big: together}}\n');
  const set = await until(async () => {
    const m = await memory();
    return m.settings.turn_s === 7 && m;
  }, 'the settings hold');
  assert.equal(set.settings.budget_bytes, 3 * 2 ** 30);
  assert.deepEqual(
    set.groups.map((g) => [g.name, g.kind]),
    [['big', 'together']]
  );
  await write([['one', demo()]], 'memory: {budget: null, turn_s: 20}\n');
  await until(async () => (await memory()).settings.turn_s === 20, 'they are set back');
  assert.equal((await memory()).settings.budget_bytes, null);
});

test('what runs on a removed server may end; coming back meanwhile, it is the same one', async () => {
  await write([['slow', `{kind: demo, args: [--load-seconds, 0, --tokens-per-second, 100]}`]]);
  await settled(['page', 'slow']);
  const slow = await hob.startServer((await hob.server('slow')).id);
  const key = await hob.addKey();
  const ask = () =>
    fetch(`${hob.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({
        model: 'slow',
        stream: true,
        messages: [{ role: 'user', content: 'Tell me a long story.' }]
      })
    });
  const answer = await ask();
  const reader = answer.body.getReader();
  await reader.read();
  await write([]);
  await settled(['page']);
  assert.equal((await ask()).status, 404);
  assert.ok(await isAlive(slow.engine.pid), 'the engine finishes what runs');
  await write([['slow', `{kind: demo, args: [--load-seconds, 0, --tokens-per-second, 100]}`]]);
  await settled(['page', 'slow']);
  const back = await hob.server('slow');
  assert.deepEqual([back.id, back.engine.pid], [slow.id, slow.engine.pid]);
  await write([]);
  await settled(['page']);
  let text = '';
  for (let part = await reader.read(); !part.done; part = await reader.read()) text += Buffer.from(part.value);
  assert.match(text, /\[DONE\]/);
  await until(async () => !(await isAlive(slow.engine.pid)), 'then it ends');
});

test('a server of the file is the same one after a restart, with what was learnt of it', async () => {
  await write([['kept', `{kind: demo, args: [--load-seconds, 1]}`]]);
  await settled(['kept', 'page']);
  const kept = await hob.startServer((await hob.server('kept')).id);
  const sent = hob.message(kept.id, 'hello');
  await (await hob.post('/api/chat/completions', sent)).text();
  await hob.terminate();
  await write([
    ['kept', `{kind: demo, args: [--load-seconds, 1]}`],
    ['new', demo()]
  ]);
  hob = await Hob.start({ dir: hob.dir, args: ['--config', file] });
  await hob.logIn();
  assert.deepEqual(await names(), ['kept', 'new', 'page']);
  assert.equal((await hob.server('kept')).id, kept.id);
  const { conversation } = await hob.get(`/api/conversations/${sent.conversation_id}`);
  assert.equal(conversation.server_id, kept.id);
});

const run = (...args) =>
  new Promise((resolve) =>
    execFile(PROGRAM, args, (error, stdout, stderr) => resolve({ code: error ? error.code : 0, stdout, stderr }))
  );

test('hob config check says what is wrong like a compiler, or what is there', async () => {
  const path = join(dir, 'check.yaml');
  await writeFile(path, 'lsiten: 1\nservers:\n  a: {kind: demo, slots: many}\n  b: {kind: demo}\n');
  const bad = await run('config', 'check', path);
  assert.equal(bad.code, 1);
  assert.deepEqual(bad.stderr.trim().split('\n'), [
    `${path}:1:1: unknown key "lsiten"; did you mean "listen"?`,
    `${path}:3:26: slots: expected a whole number, found "many"`
  ]);
  await writeFile(path, 'servers:\n  a: {kind: demo}\n  b: {model_path: /no/such.gguf}\n');
  const good = await run('config', 'check', path);
  assert.equal(good.code, 0);
  assert.equal(good.stdout, 'ok: 2 servers\n');
  assert.match(good.stderr, /warning: server b: .*\/no\/such\.gguf is not there/);
  assert.equal((await run('config', 'check', join(dir, 'none.yaml'))).code, 1);
  assert.equal((await run('config')).code, 2);
  // hob itself refuses such a file at its start, with the same words.
  await writeFile(path, 'lsiten: 1\n');
  const refused = await run('serve', '--config', path, '--data', join(dir, 'data'));
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /check\.yaml:1:1: unknown key "lsiten"/);
});
