// Servers: adding, changing, removing; starts and stops while requests wait or run; what their events say.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { events, Hob, isAlive, readAnswer, until } from '../lib/hob.mjs';

let hob, key;
before(async () => {
  hob = await Hob.start();
  key = await hob.addKey();
});
after(() => hob?.stop());

const v1 = (model, content, stream = false) =>
  fetch(`${hob.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ model, stream, messages: [{ role: 'user', content }] })
  });
const waiting = (name, n) => until(async () => (await hob.server(name)).engine.waiting === n, `${n} wait for ${name}`);
const add = (body) => hob.post('/api/servers', { name: 'x', kind: 'demo', ...body });
const errorOf = async (res) => (await res.json()).error;

test('a server has what it was made with; wrong fields are named; names are unique', async () => {
  const made = await hob.addDemo('first', ['--think'], { system_prompt: 'Be kind.', autostart: false });
  assert.deepEqual(
    [made.name, made.kind, made.args, made.system_prompt, made.on_demand, made.autostart],
    ['first', 'demo', ['--think'], 'Be kind.', true, false]
  );
  assert.equal(made.engine.state, 'stopped');
  assert.deepEqual([made.engine.pid, made.engine.failure, made.engine.progress], [null, null, null]);
  const cases = [
    [{ name: '' }, 'name'],
    [{ name: ' x' }, 'name'],
    [{ name: 'x'.repeat(101) }, 'name'],
    [{ name: 5 }, 'name'],
    [{ kind: 'magic' }, 'kind'],
    [{ args: 'a' }, 'args'],
    [{ args: ['--port', '80'] }, 'args'],
    [{ args: ['--host=0.0.0.0'] }, 'args'],
    [{ args: ['a\u0000b'] }, 'args'],
    [{ kind: 'llama-server' }, 'model_path'],
    [{ kind: 'llama-server', model_path: 'models/x.gguf' }, 'model_path'],
    [{ kind: 'llama-server', model_path: '/no/such/model.gguf' }, 'model_path'],
    [{ kind: 'command' }, 'command'],
    [{ kind: 'command', command: ['/bin/true'] }, 'command'],
    [{ on_demand: 'yes' }, 'on_demand']
  ];
  for (const [body, param] of cases) {
    const res = await add(body);
    assert.equal(res.status, 400, JSON.stringify(body));
    assert.equal((await errorOf(res)).param, param, JSON.stringify(body));
  }
  const taken = await add({ name: 'FIRST' });
  assert.equal(taken.status, 409);
  assert.match((await errorOf(taken)).message, /name/);
  const both = await Promise.all([add({ name: 'twin' }), add({ name: 'twin' })]);
  assert.deepEqual(both.map((r) => r.status).sort(), [201, 409]);
});

test('settings have defaults, are checked, and stay when others change; aliases lead to one server only', async () => {
  const made = await hob.addDemo('named', [], { aliases: ['org/named', 'Nick'], slots: 2, rewrite: { set: { n: 1 } } });
  const settings = (s) => [s.aliases, s.slots, s.idle_stop_s, s.group, s.max_waiting, s.hold_s, s.rewrite];
  assert.deepEqual(settings(made), [['org/named', 'Nick'], 2, 0, null, 0, 0, { set: { n: 1 } }]);
  const change = (body) => hob.send('PATCH', `/api/servers/${made.id}`, body);
  const changed = (await (await change({ idle_stop_s: 60, group: 'big', slots: null })).json()).server;
  assert.deepEqual(settings(changed), [['org/named', 'Nick'], 0, 60, 'big', 0, 0, { set: { n: 1 } }]);
  const cases = [
    [{ aliases: 'x' }, 'aliases'],
    [{ aliases: [' x'] }, 'aliases'],
    [{ aliases: Array(33).fill('x') }, 'aliases'],
    [{ slots: -1 }, 'slots'],
    [{ idle_stop_s: 1e12 }, 'idle_stop_s'],
    [{ group: 5 }, 'group'],
    [{ max_waiting: 10001 }, 'max_waiting'],
    [{ hold_s: 'x' }, 'hold_s'],
    [{ rewrite: [] }, 'rewrite'],
    [{ rewrite: { unknown: 1 } }, 'rewrite'],
    [{ rewrite: { set: 5 } }, 'set'],
    [{ rewrite: { strip: [5] } }, 'strip'],
    [{ rewrite: { set: { x: 'x'.repeat(20000) } } }, 'rewrite'],
    [{ env: ['A=b'] }, 'env'],
    [{ env: { 'A B': 'c' } }, 'env'],
    [{ env: { A: 5 } }, 'env'],
    [{ env: { A: 'x\u0000' } }, 'env'],
    [{ env: { A: 'x'.repeat(5000) } }, 'env']
  ];
  for (const [body, param] of cases) {
    const res = await change(body);
    assert.equal(res.status, 400, JSON.stringify(body));
    assert.equal((await errorOf(res)).param, param, JSON.stringify(body));
  }
  assert.equal((await v1('ORG/named', 'echo hi')).status, 200);
});

test('a name or alias leads to one server only, whatever else is being stored', async () => {
  const model_path = join(hob.dir, 'Tiny-Model.gguf');
  await writeFile(model_path, 'GGUF');
  const llama = { kind: 'command', command: ['/bin/true', '${PORT}'], model_path };
  const owner = (await (await add({ name: 'owner', ...llama, aliases: ['Own/er'] })).json()).server;
  const { id } = await hob.addDemo('asker');
  const conflict = async (res, field, what) => {
    const error = await errorOf(res);
    assert.equal(res.status, 409, error?.message);
    assert.ok(error.message.startsWith(`"${field}"`), error.message);
    assert.match(error.message, what);
  };
  for (const [body, field] of [
    [{ name: 'OWNER' }, 'name'],
    [{ name: 'own/ER' }, 'name'],
    [{ aliases: ['Owner'] }, 'aliases'],
    [{ aliases: ['fine', 'own/er'] }, 'aliases'],
    [{ aliases: ['tiny-model'] }, 'aliases']
  ]) {
    await conflict(await hob.send('PATCH', `/api/servers/${id}`, body), field, /owner/);
    await conflict(await add({ name: 'new', ...body }), field, /owner/);
  }
  /* Its own model's name it may have, and say so where another server has the same. */
  const same = await add({ name: 'same', ...llama, aliases: ['tiny-model'] });
  assert.equal(same.status, 201, await same.clone().text());
  /* A name may be that of a model. */
  assert.equal((await add({ name: 'hob-demo' })).status, 201);

  for (const bodies of [
    [
      { name: 'left', aliases: ['both'] },
      { name: 'right', aliases: ['BOTH'] }
    ],
    [{ name: 'here', aliases: ['there'] }, { name: 'there' }],
    [{ name: 'over' }, { name: 'under', aliases: ['over'] }]
  ]) {
    const [first, second] = await Promise.all(bodies.map((body) => add(body)));
    assert.deepEqual([first.status, second.status].sort(), [201, 409], JSON.stringify(bodies));
    const [lost, won] = first.status === 409 ? [first, bodies[1]] : [second, bodies[0]];
    assert.match((await errorOf(lost)).message, new RegExp(won.name));
  }
  const changes = [owner.id, id].map((each) => hob.send('PATCH', `/api/servers/${each}`, { aliases: ['late'] }));
  assert.deepEqual((await Promise.all(changes)).map((r) => r.status).sort(), [200, 409]);
});

test('a stored setting that is not valid any more takes no other one with it', async () => {
  const { id } = await hob.addDemo('old', [], {
    aliases: ['elder'],
    slots: 3,
    hold_s: 50,
    group: 'g',
    env: { A: 'b' }
  });
  const { port } = hob;
  await hob.terminate();
  const spoil = `import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
c.execute("UPDATE servers SET settings_json = json_set(settings_json, '$.slots', -5, '$.group', 7) WHERE id = ?", sys.argv[2:])
c.commit()`;
  execFileSync('python3', ['-c', spoil, join(hob.dir, 'hob.db'), id]);
  await hob.run({ port });
  const { aliases, slots, hold_s, group, env } = (await hob.get(`/api/servers/${id}`)).server;
  assert.deepEqual(
    { aliases, slots, hold_s, group, env },
    { aliases: ['elder'], slots: 0, hold_s: 50, group: null, env: ['A'] }
  );
});

test('an engine gets the environment of its server, whose values nobody sees', async () => {
  const { id } = await hob.addDemo('env', [], { env: { HOB_CANARY: 'swordfish', OTHER: 'b=c' } });
  const environ = async (s) => (await readFile(`/proc/${s.engine.pid}/environ`, 'utf8')).split('\0');
  const first = await hob.startServer(id);
  assert.deepEqual(first.env, ['HOB_CANARY', 'OTHER']);
  assert.ok((await environ(first)).includes('HOB_CANARY=swordfish'));
  const res = await hob.send('PATCH', `/api/servers/${id}`, { env: { HOB_CANARY: null, NEW: 'x' } });
  const body = await res.text();
  assert.ok(!body.includes('swordfish'));
  const changed = JSON.parse(body).server;
  assert.deepEqual([changed.env, changed.needs_restart], [['HOB_CANARY', 'NEW'], true]);
  await hob.post(`/api/servers/${id}/restart`);
  const second = await until(async () => {
    const s = await hob.server('env');
    return s.engine.state === 'ready' && s.engine.pid !== first.engine.pid && s;
  }, 'it is restarted');
  const now = await environ(second);
  assert.ok(now.includes('HOB_CANARY=swordfish') && now.includes('NEW=x') && !now.includes('OTHER=b=c'));
  assert.equal(second.needs_restart, false);
});

test('a change is kept; a running engine keeps its options until it is restarted', async () => {
  const server = await hob.addDemo('changed', ['--tokens-per-second', '300']);
  await hob.startServer(server.id);
  const res = await hob.send('PATCH', `/api/servers/${server.id}`, { name: 'renamed', args: ['--status', '500'] });
  assert.equal(res.status, 200);
  const now = (await res.json()).server;
  assert.deepEqual([now.name, now.args, now.kind, now.engine.state], ['renamed', ['--status', '500'], 'demo', 'ready']);
  assert.equal((await v1('renamed', 'echo hi')).status, 200);
  assert.equal((await v1('changed', 'echo hi')).status, 404);
  const pid = now.engine.pid;
  assert.equal((await hob.post(`/api/servers/${server.id}/restart`)).status, 202);
  await until(async () => {
    const { engine } = await hob.server('renamed');
    return engine.state === 'ready' && engine.pid !== pid;
  }, 'it is restarted');
  assert.equal((await v1('renamed', 'echo hi')).status, 500);
  const clash = await hob.send('PATCH', `/api/servers/${server.id}`, { name: 'demo' });
  assert.equal(clash.status, 409);
  assert.equal((await hob.server('renamed')).id, server.id);
});

test('changes that come at once are all kept, and none brings back what is removed beside it', async () => {
  const { id } = await hob.addDemo('busy');
  const patch = (change, of = id) => hob.send('PATCH', `/api/servers/${of}`, change);
  const changes = [{ slots: 3 }, { max_waiting: 7 }, { hold_s: 9 }, { system_prompt: 'Be brief.' }];
  const all = await Promise.all(changes.map((change) => patch(change)));
  assert.deepEqual(
    all.map((res) => res.status),
    [200, 200, 200, 200]
  );
  const { slots, max_waiting, hold_s, system_prompt } = await hob.server('busy');
  assert.deepEqual([slots, max_waiting, hold_s, system_prompt], [3, 7, 9, 'Be brief.']);
  const names = Array.from({ length: 10 }, (_, i) => `removed ${i}`);
  const made = await Promise.all(names.map((name) => hob.addDemo(name)));
  await Promise.all(
    made.map(async (server) => {
      const removed = hob.request(`/api/servers/${server.id}`, { method: 'DELETE' });
      await Promise.all([removed, patch({ slots: 2 }, server.id)]);
      assert.equal((await removed).status, 204);
    })
  );
  await hob.terminate();
  await hob.run();
  const left = (await hob.get('/api/servers')).servers.filter((s) => names.includes(s.name));
  assert.deepEqual(left, []);
});

test('a removed server ends its engine; who waited or read hears it', async () => {
  const server = await hob.addDemo('doomed', ['--tokens-per-second', '20']);
  await hob.startServer(server.id);
  const { pid } = (await hob.server('doomed')).engine;
  const body = hob.message(server.id, 'long 500');
  const answer = readAnswer(await hob.post('/api/chat/completions', body));
  const direct = readAnswer(await v1('doomed', 'long 500', true));
  await until(async () => (await hob.server('doomed')).engine.active === 2, 'both run');
  const gone = await hob.request(`/api/servers/${server.id}`, {
    method: 'DELETE',
    headers: { 'content-type': 'application/json' }
  });
  assert.equal(gone.status, 204);
  assert.equal(await isAlive(pid), false);
  const read = await answer;
  assert.equal(read.error.error.code, 'engine_died');
  assert.ok((await direct).cut);
  assert.equal((await hob.request(`/api/servers/${server.id}`)).status, 404);
  assert.equal(await hob.server('doomed'), undefined);
  const kept = (await hob.get(`/api/conversations/${body.conversation_id}`)).messages[1];
  assert.equal(kept.content, read.text);

  const loading = await hob.addDemo('never', ['--load-seconds', '60']);
  const held = v1('never', 'echo hi');
  await waiting('never', 1);
  assert.equal(
    (
      await hob.request(`/api/servers/${loading.id}`, {
        method: 'DELETE',
        headers: { 'content-type': 'application/json' }
      })
    ).status,
    204
  );
  assert.equal((await held).status, 404);
});

test('a stop by hand ends the waiting and is not undone by who waits', async () => {
  const server = await hob.addDemo('parked', ['--load-seconds', '60']);
  const held = [v1('parked', 'echo hi'), v1('parked', 'echo hi', true)];
  await waiting('parked', 2);
  await hob.untilState(server.id, 'loading');
  assert.equal((await hob.post(`/api/servers/${server.id}/stop`)).status, 202);
  const [plain, stream] = await Promise.all(held);
  assert.ok(plain.status >= 500);
  assert.equal((await errorOf(plain)).code, 'engine_stopped');
  const text = await stream.text().catch((e) => String(e));
  if (stream.status === 200) assert.match(text, /engine_stopped|terminated/);
  await hob.untilState(server.id, 'stopped');
  assert.equal((await hob.server('parked')).engine.attempt, 1);
});

test('a load that fails ends every hold with the cause', async () => {
  await hob.addDemo('hopeless', ['--die-while-loading', '--load-seconds', '1']);
  const responses = await Promise.all([1, 2, 3].map(() => v1('hopeless', 'echo hi')));
  for (const res of responses) {
    const error = await errorOf(res);
    assert.equal(error.code, 'engine_failed');
    assert.match(error.message, /hopeless failed: .*code 1/);
    assert.equal(res.headers.get('x-should-retry'), 'false');
  }
  assert.equal((await hob.server('hopeless')).engine.attempt, 1);
});

test('requests that run and wait are counted', async () => {
  const server = await hob.addDemo('counted', ['--slots', '1', '--tokens-per-second', '40']);
  await hob.startServer(server.id);
  const first = v1('counted', 'long 120', true);
  await until(async () => (await hob.server('counted')).engine.active === 1, 'one runs');
  const second = v1('counted', 'echo hi');
  await until(async () => (await hob.server('counted')).engine.waiting === 1, 'one waits');
  await readAnswer(await first);
  await second;
  await until(async () => {
    const { active, waiting: n } = (await hob.server('counted')).engine;
    return active === 0 && n === 0;
  }, 'none is left');
});

test('events: every state in order, progress at most four times a second, figures while ready', async () => {
  const server = await hob.addDemo('told', ['--load-seconds', '2', '--tokens-per-second', '300']);
  const abort = new AbortController();
  const stream = await hob.request('/api/events', { signal: abort.signal });
  const seen = [];
  const listening = (async () => {
    for await (const ev of events(stream)) {
      if (ev.event !== 'server') continue;
      const told = JSON.parse(ev.data);
      if (told.id !== server.id) continue;
      seen.push({ at: performance.now(), ...told.engine });
      if (told.engine.state === 'ready' && told.engine.cpu_percent !== null && told.engine.rss_bytes > 0) return;
    }
  })();
  await hob.post(`/api/servers/${server.id}/start`);
  await listening;
  abort.abort();
  const states = seen.map((e) => e.state).filter((s, i, all) => s !== all[i - 1]);
  assert.deepEqual(states.slice(states.indexOf('starting')), ['starting', 'loading', 'ready']);
  const loading = seen.filter((e) => e.state === 'loading');
  assert.ok(loading.length >= 4 && loading.length <= 14, `${loading.length} events while loading`);
  const values = loading.map((e) => e.progress?.value).filter((v) => v !== null && v !== undefined);
  assert.deepEqual(
    values,
    [...values].sort((a, b) => a - b)
  );
  assert.ok(values.at(-1) > 0.5);
});
