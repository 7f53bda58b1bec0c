// What became of requests: records with the right figures, for whom they are, their bounds, CSV, sums, /metrics, access lines.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Hob, readAnswer, until } from '../lib/hob.mjs';
import { parseMetrics } from '../lib/prometheus.mjs';

/* Takes the database for itself from the first line on until the end. */
const LOCK = `import sqlite3, sys
c = sqlite3.connect(sys.argv[1], isolation_level=None)
sys.stdin.readline()
c.execute("BEGIN IMMEDIATE")
print(flush=True)
sys.stdin.read()
c.execute("ROLLBACK")`;
const NAMED = 'Qwen "3"';
let hob, key, fast;

const post = (body, { as = key, path = '/v1/chat/completions', ...init } = {}) =>
  fetch(hob.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(as ? { authorization: `Bearer ${as}` } : {}) },
    body: JSON.stringify(body),
    ...init
  });
const say = (model, content, more = {}) => ({ model, messages: [{ role: 'user', content }], ...more });

/** The record of a request, as soon as it can be read. */
const recordOf = (res) =>
  until(
    async () => (await hob.get(`/api/activity?q=${res.headers.get('x-request-id')}`)).records[0],
    `a record of ${res.headers.get('x-request-id')}`
  );
const newest = (filter, probe = () => true) =>
  until(
    async () => (await hob.get(`/api/activity?${new URLSearchParams(filter)}`)).records.find(probe),
    `a record with ${JSON.stringify(filter)}`
  );

before(async () => {
  hob = await Hob.start();
  key = await hob.addKey('laptop');
  fast = await hob.addReady(NAMED, ['--tokens-per-second', '500']);
});
after(() => hob?.stop());

describe('a record', () => {
  test('of a whole answer has who, what and the figures', async () => {
    const before = Date.now();
    const res = await post(say(NAMED, 'echo one two three'));
    const { usage } = await res.json();
    const record = await recordOf(res);
    const { id, at, held_ms, first_ms, total_ms, tokens_per_s, bytes_in, bytes_out, user_id, key_id, ...rest } = record;
    assert.deepEqual(rest, {
      request_id: res.headers.get('x-request-id'),
      user: 'ada',
      key: 'laptop',
      server_id: fast.id,
      server: NAMED,
      model: NAMED,
      route: '/v1/chat/completions',
      status: 200,
      code: null,
      stream: false,
      client_gone: false,
      tokens_in: usage.prompt_tokens,
      tokens_out: usage.completion_tokens
    });
    assert.ok(id > 0 && at >= before && at <= Date.now(), 'its time');
    assert.ok(held_ms >= 0 && first_ms >= held_ms && total_ms >= first_ms, 'times in order');
    assert.ok(tokens_per_s > 0);
    assert.equal(bytes_in, JSON.stringify(say(NAMED, 'echo one two three')).length);
    assert.ok(bytes_out > 100);
    assert.match(user_id, /^[0-9a-f-]{36}$/);
    assert.match(key_id, /^[0-9a-f-]{36}$/);
  });

  test('of a stream has its tokens and its speed', async () => {
    const res = await post(say(NAMED, 'echo a b c d e', { stream: true, stream_options: { include_usage: true } }));
    const text = await res.text();
    const { usage } = JSON.parse(
      text
        .split('\n')
        .findLast((l) => /"usage":\{/.test(l))
        .slice(6)
    );
    const record = await recordOf(res);
    assert.equal(record.stream, true);
    assert.deepEqual([record.tokens_in, record.tokens_out], [usage.prompt_tokens, usage.completion_tokens]);
    assert.equal(record.bytes_out, Buffer.byteLength(text));
    assert.ok(record.tokens_per_s > 0);
  });

  test('of a request that was held says for how long', async () => {
    await hob.addDemo('cold', ['--load-seconds', '1.5', '--tokens-per-second', '500']);
    const res = await post(say('cold', 'echo hi'));
    await res.text();
    const record = await recordOf(res);
    assert.ok(record.held_ms >= 1400, `${record.held_ms} ms`);
    assert.ok(record.first_ms >= record.held_ms);
  });

  test('of a client that left says so, and is no failure', async () => {
    await hob.addReady('slow', ['--tokens-per-second', '20']);
    const abort = new AbortController();
    const res = await post(say('slow', 'long 500', { stream: true }), { signal: abort.signal });
    await res.body.getReader().read();
    abort.abort();
    const record = await newest({ server: 'slow' });
    assert.equal(record.client_gone, true);
    assert.deepEqual([record.status, record.code], [200, null]);
    assert.ok(record.total_ms >= record.first_ms && record.first_ms >= 0);
    const { records } = await hob.get('/api/activity?outcome=error');
    assert.ok(!records.some((r) => r.id === record.id));
  });

  test('of an engine that dies in the middle has the failure', async () => {
    const server = await hob.addReady('fragile', ['--tokens-per-second', '20']);
    const res = await post(say('fragile', 'long 500', { stream: true }));
    const reader = res.body.getReader();
    await reader.read();
    process.kill(server.engine.pid, 'SIGKILL');
    await assert.rejects(async () => {
      while (!(await reader.read()).done);
    });
    const record = await recordOf(res);
    assert.deepEqual([record.status, record.code, record.client_gone], [200, 'engine_died', false]);
    const { records } = await hob.get('/api/activity?outcome=error');
    assert.ok(records.some((r) => r.id === record.id));
  });

  test('of an answer in the chat is there too, with its tokens', async () => {
    const res = await hob.post('/api/chat/completions', hob.message(fast.id, 'echo from the chat'));
    const { done } = await readAnswer(res);
    const record = await newest({ route: '/api/chat/completions' });
    assert.equal(record.client_gone, false);
    assert.deepEqual([record.user, record.key, record.server, record.status], ['ada', null, NAMED, 200]);
    assert.equal(record.tokens_out, done.meta.completion_tokens);
  });

  test('of a refusal has no server, but what was asked for', async () => {
    const unknown = await post(say('no/such model', 'hi'));
    assert.equal(unknown.status, 404);
    const record = await recordOf(unknown);
    assert.deepEqual(
      [record.status, record.code, record.server, record.model, record.user],
      [404, 'model_not_found', null, 'no/such model', 'ada']
    );
    const nobody = await post(say(NAMED, 'hi'), { as: 'hob_nonsense' });
    assert.equal(nobody.status, 401);
    const refused = await recordOf(nobody);
    assert.deepEqual([refused.status, refused.code, refused.user], [401, 'invalid_api_key', null]);
  });

  test('outlives its server, a stop and a crash of hob', async () => {
    const { id } = await hob.addReady('short-lived', ['--tokens-per-second', '500']);
    const res = await post(say('short-lived', 'echo hi'));
    await res.text();
    assert.equal((await hob.request(`/api/servers/${id}`, { method: 'DELETE' })).status, 204);
    const { port } = hob;
    await hob.terminate();
    await hob.run({ port });
    assert.equal((await recordOf(res)).server, 'short-lived');
    await hob.startServer(fast.id);
    const last = await post(say(NAMED, 'echo before the crash'));
    await last.text();
    await recordOf(last);
    await hob.kill();
    await hob.run({ port });
    assert.equal((await recordOf(last)).status, 200);
    await hob.startServer(fast.id);
  });
});

describe('who sees what', () => {
  let ben, bensKey;
  before(async () => {
    const login = { name: 'ben', password: 'correct pony' };
    await hob.post('/api/signup', login);
    const { users } = await hob.get('/api/users');
    await hob.post(`/api/users/${users.find((u) => u.name === 'ben').id}/approve`);
    ben = new Hob(hob.dir);
    ben.url = hob.url;
    await ben.logIn(login);
    bensKey = await ben.addKey('phone');
  });

  test('users see their own records, admins all', async () => {
    const mine = await post(say(NAMED, 'echo mine'));
    const his = await post(say(NAMED, 'echo his'), { as: bensKey });
    await Promise.all([mine.text(), his.text()]);
    await recordOf(mine);
    assert.equal((await recordOf(his)).user, 'ben');
    const { records } = await ben.get('/api/activity');
    assert.deepEqual(
      records.map((r) => r.request_id),
      [his.headers.get('x-request-id')]
    );
    assert.deepEqual((await ben.get('/api/activity?user=ada')).records, []);
    const series = await ben.get('/api/activity/series');
    assert.equal(
      series.requests.reduce((a, b) => a + b),
      1
    );
    const csv = await (await ben.request('/api/activity.csv')).text();
    assert.equal(csv.trimEnd().split('\r\n').length, 2);
  });

  test("an admin's key sees its owner's records alone", async () => {
    const res = await fetch(`${hob.url}/api/activity?limit=500`, { headers: { authorization: `Bearer ${key}` } });
    const { records } = await res.json();
    assert.deepEqual([...new Set(records.map((r) => r.user))], ['ada']);
  });

  test('the event "activity" comes to whom it concerns', async () => {
    const abort = new AbortController();
    const feed = await ben.request('/api/events', { signal: abort.signal });
    let seen = '';
    const reading = (async () => {
      for await (const chunk of feed.body) seen += Buffer.from(chunk).toString();
    })().catch(() => {});
    await (await post(say(NAMED, 'echo mine'))).text();
    await (await post(say(NAMED, 'echo his'), { as: bensKey })).text();
    await until(() => /^event: activity$/m.test(seen), 'the event');
    abort.abort();
    await reading;
    assert.equal(seen.match(/^event: activity$/gm).length, 1);
  });
});

test('filters and pages', async () => {
  const all = [];
  for (let before = ''; before !== null;) {
    const page = await hob.get(`/api/activity?limit=3${before && `&before=${before}`}`);
    assert.ok(page.records.length <= 3);
    all.push(...page.records.map((r) => r.id));
    before = page.next;
  }
  const whole = await hob.get('/api/activity?limit=500');
  assert.deepEqual(
    all,
    whole.records.map((r) => r.id)
  );
  assert.deepEqual(
    all,
    all.toSorted((a, b) => b - a)
  );
  const { records } = await hob.get('/api/activity?outcome=4xx&user=ada');
  assert.ok(records.length > 0 && records.every((r) => r.status === 404 && r.user === 'ada'));
  for (const bad of ['limit=0', 'limit=501', 'outcome=x', 'from=-1', 'from=x', `q=${'x'.repeat(300)}`])
    assert.equal((await hob.request(`/api/activity?${bad}`)).status, 400, bad);
  for (const bad of ['buckets=0', 'buckets=501', 'from=2&to=1'])
    assert.equal((await hob.request(`/api/activity/series?${bad}`)).status, 400, bad);
});

test('sums over time add up to the records', async () => {
  const to = Date.now() + 1000;
  const { records } = await hob.get(`/api/activity?limit=500&to=${to}`);
  const series = await hob.get(`/api/activity/series?from=${to - 3600000}&to=${to}&buckets=30`);
  const sum = (list) => list.reduce((a, b) => a + b, 0);
  assert.equal(series.at.length, 30);
  assert.equal(series.step_ms, 120000);
  assert.equal(sum(series.requests), records.length);
  assert.equal(sum(series.tokens_out), sum(records.map((r) => r.tokens_out ?? 0)));
  assert.equal(sum(series.errors), records.filter((r) => !r.client_gone && (r.status >= 400 || r.code)).length);
  const busy = series.requests.findIndex((n) => n > 0);
  assert.ok(series.first_p95_ms[busy] >= series.first_p50_ms[busy]);
});

test('CSV has all rows, and nothing that a table program would run', async () => {
  const formula = '=HYPERLINK("http://x","y"),\n+1';
  const res = await post(say(formula, 'hi'));
  assert.equal(res.status, 404);
  await recordOf(res);
  const csv = await hob.request('/api/activity.csv');
  assert.equal(csv.headers.get('content-type'), 'text/csv; charset=utf-8');
  assert.match(csv.headers.get('content-disposition'), /^attachment; filename="hob-activity\.csv"/);
  const text = await csv.text();
  assert.match(text, /^time,request_id,user,key,server,model,route,status,/);
  assert.ok(text.includes(`"'=HYPERLINK(""http://x"",""y""),\n+1"`), text.slice(0, 600));
  assert.ok(text.includes('"Qwen ""3"""'));
  const { records } = await hob.get('/api/activity?limit=500');
  assert.equal(text.match(/^20\d\d-/gm).length, records.length);
});

test('a key that has another name now is recorded by it', async () => {
  const { key: made, secret } = await (await hob.post('/api/keys', { name: 'old name' })).json();
  const of = async () => (await recordOf(await post(say(NAMED, 'echo hi'), { as: secret }))).key;
  assert.equal(await of(), 'old name');
  assert.equal((await hob.send('PATCH', `/api/keys/${made.id}`, { name: 'new name' })).status, 200);
  assert.equal(await of(), 'new name');
});

test('what comes while the disk is slow is written when it is not, though nothing follows', async (t) => {
  const n_writes = async () =>
    parseMetrics(await (await hob.request('/metrics')).text()).hob_store_operations_total.samples[0].value;
  const lock = spawn('python3', ['-c', LOCK, join(hob.dir, 'hob.db')]);
  t.after(() => lock.kill());
  await recordOf(await post(say(NAMED, 'echo before')));
  lock.stdin.write('\n');
  await once(lock.stdout, 'data');
  const before = await n_writes();
  const first = await post(say(NAMED, 'echo one'));
  await until(async () => (await n_writes()) > before, 'the first one is on its way to the disk');
  const second = await post(say(NAMED, 'echo two'));
  /* Only its time brings it to the store; that runs out while the first one is being written. */
  await setTimeout(1200);
  lock.stdin.end();
  await recordOf(first);
  await recordOf(second);
});

test('what cannot be written is kept until it can, in its order', async (t) => {
  const lock = spawn('python3', ['-c', LOCK, join(hob.dir, 'hob.db')]);
  t.after(() => lock.kill());
  lock.stdin.write('\n');
  await once(lock.stdout, 'data');
  const first = await post(say(NAMED, 'echo one'));
  await until(() => /keeping up to \d+ records/.test(hob.log), 'the write has failed');
  const second = await post(say(NAMED, 'echo two'));
  lock.stdin.end();
  const [one, two] = [await recordOf(first), await recordOf(second)];
  assert.ok(one.id < two.id, 'the order of their ends');
  assert.match(hob.log, /records are written again; 0 were lost/);
});

test('only so many records are kept', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'hob-'));
  const config = join(dir, 'hob.yaml');
  await writeFile(config, 'titles: message\nactivity_rows: 5\nactivity_days: 1\n');
  const small = await Hob.start({ dir, args: ['--config', config] });
  const smallKey = await small.addKey();
  const ask = () =>
    fetch(`${small.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${smallKey}` },
      body: JSON.stringify(say('nobody', 'hi'))
    });
  const ids = [];
  for (let i = 0; i < 20; i++) ids.push((await ask()).headers.get('x-request-id'));
  await until(
    async () => (await small.get('/api/activity')).records[0]?.request_id === ids.at(-1),
    'the last record can be read'
  );
  const { records } = await small.get('/api/activity');
  assert.deepEqual(
    records.map((r) => r.request_id),
    ids.slice(-5).reverse()
  );
  await small.stop();
});

test('a client in a loop of refusals leaves the records of the others where they are', async () => {
  const { secret } = await (await hob.post('/api/keys', { name: 'looping' })).json();
  const good = await post(say(NAMED, 'echo before the loop'), { as: secret });
  await good.text();
  const counted = async () => {
    const metrics = parseMetrics(await (await hob.request('/metrics')).text());
    const { samples } = metrics.hob_requests_total;
    return samples.filter((s) => s.labels.status === '4xx').reduce((sum, s) => sum + s.value, 0);
  };
  const before = await counted();
  for (let i = 0; i < 100; i++) await (await post(say('nothing', 'hi'), { as: secret })).text();
  const last = await post(say(NAMED, 'echo behind the loop'), { as: secret });
  await last.text();
  await recordOf(last);
  const { records } = await hob.get('/api/activity?key=looping&limit=500');
  assert.equal(records.filter((r) => r.status === 404).length, 60);
  assert.equal(records.filter((r) => r.status === 200).length, 2, 'what was answered is kept');
  assert.equal((await counted()) - before, 100, 'all are counted');
  const another = await post(say('nothing', 'hi'));
  assert.equal((await recordOf(another)).key, 'laptop');
});

test('a failure after the status is recorded as what was sent, with what it was', async () => {
  const fake = [process.execPath, new URL('../lib/fake_engine.mjs', import.meta.url).pathname, '${PORT}'];
  await hob.addCommand('fake', fake);
  const failing = '{"error":{"message":"out of memory","code":500}}';
  const chat = await hob.post('/api/chat/completions', hob.message('fake', `status 500 ${failing}`));
  assert.equal(chat.status, 500);
  await chat.text();
  const told = await newest({ route: '/api/chat/completions', server: 'fake' });
  assert.deepEqual([told.status, told.code, told.client_gone], [500, 'engine_error', false]);
  const busy = await hob.post('/api/chat/completions', hob.message('fake', `late 5500 500 ${failing}`));
  assert.equal(busy.status, 200);
  const { error } = await readAnswer(busy);
  assert.match(JSON.stringify(error), /out of memory/);
  const late = await newest({ route: '/api/chat/completions', server: 'fake' }, (r) => r.id > told.id);
  assert.deepEqual([late.status, late.code, late.client_gone], [200, 'engine_error', false]);
});

describe('/metrics', () => {
  const read = async (headers) => {
    const res = await fetch(`${hob.url}/metrics`, { headers });
    return { status: res.status, type: res.headers.get('content-type'), text: await res.text() };
  };
  const valueOf = (family, labels = {}) =>
    family.samples
      .filter((s) => Object.entries(labels).every(([k, v]) => s.labels[k] === v))
      .reduce((sum, s) => sum + s.value, 0);

  test('is for admins: their session or their key', async () => {
    assert.equal((await read({})).status, 401);
    assert.equal((await read({ cookie: hob.cookie })).status, 200);
    assert.equal((await read({ authorization: `Bearer ${key}` })).status, 200);
  });

  test('is valid, and counts what was asked', async () => {
    const first = parseMetrics((await read({ cookie: hob.cookie })).text);
    const answered = await post(say(NAMED, 'echo counted'));
    const { usage } = await answered.json();
    await (await post(say('nonsense', 'hi'))).text();
    const { text, type } = await read({ cookie: hob.cookie });
    assert.equal(type, 'text/plain; version=0.0.4; charset=utf-8');
    const now = parseMetrics(text);
    const rise = (name, labels) => valueOf(now[name], labels) - valueOf(first[name], labels);
    const route = '/v1/chat/completions';
    assert.equal(rise('hob_requests_total', { server: NAMED, route, status: '2xx' }), 1);
    assert.equal(rise('hob_requests_total', { server: '', route, status: '4xx' }), 1);
    assert.equal(rise('hob_generated_tokens_total', { server: NAMED }), usage.completion_tokens);
    assert.equal(rise('hob_prompt_tokens_total', { server: NAMED }), usage.prompt_tokens);
    const count = (families) =>
      families.hob_request_duration_seconds.samples.find((s) => s.name.endsWith('_count') && s.labels.server === NAMED)
        .value;
    assert.equal(count(now) - count(first), 1);
    assert.equal(valueOf(now.hob_engine_state, { server: NAMED, state: 'ready' }), 1);
    assert.equal(valueOf(now.hob_engine_state, { server: NAMED }), 1);
    assert.ok(valueOf(now.hob_engine_memory_bytes, { server: NAMED }) > 0);
    assert.ok(valueOf(now.process_resident_memory_bytes) > 1e6);
    assert.ok(valueOf(now.process_open_fds) > 5);
    assert.ok(valueOf(now.hob_connections) > 0);
    assert.match(now.hob_build_info.samples[0].labels.version, /^\d+\.\d+/);
  });

  test('has no label that clients can choose', async () => {
    for (let i = 0; i < 5; i++) await (await post(say(`made-up-${i}`, 'hi'))).text();
    const { text } = await read({ cookie: hob.cookie });
    assert.ok(!text.includes('made-up'));
  });
});

describe('the access line', () => {
  const lineOf = (id) => until(() => hob.log.split('\n').find((l) => l.includes(`id=${id}`)), `a line of ${id}`);

  test('has what happened, once, and carries X-Request-Id', async () => {
    const res = await post(say(NAMED, 'echo hi'));
    const { length } = await res.text();
    const id = res.headers.get('x-request-id');
    const line = await lineOf(id);
    assert.match(
      line,
      / info {2}POST path="\/v1\/chat\/completions" status=200 bytes=\d+ ms=\d+ server="Qwen \\"3\\""/
    );
    assert.match(line, new RegExp(`bytes=${length} .*user="ada" key="laptop" in=\\d+ out=\\d+ id=${id}$`));
    assert.equal(hob.log.split(id).length, 2);
  });

  test('of a refusal, and of a change by the page', async () => {
    const refused = await post(say('no\u001b[31m"such\nmodel', 'hi'));
    assert.match(
      await lineOf(refused.headers.get('x-request-id')),
      /status=404 .*user="ada" key="laptop" code=model_not_found id=/
    );
    const changed = await hob.post('/api/folders', { name: 'x' });
    assert.match(
      await lineOf(changed.headers.get('x-request-id')),
      /POST path="\/api\/folders" status=201 .*user="ada"/
    );
  });

  test('does not come for what the page reads all the time, and has no secret', async () => {
    const { headers } = await hob.request('/api/servers');
    const after = await hob.post('/api/folders', { name: 'y' });
    await lineOf(after.headers.get('x-request-id'));
    assert.ok(!hob.log.includes(headers.get('x-request-id')));
    assert.ok(!hob.log.includes(key));
    // eslint-disable-next-line no-control-regex
    assert.ok(!/[\u0000-\u0009\u000b-\u001f]/.test(hob.log));
  });
});
