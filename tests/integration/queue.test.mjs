// Who waits for a busy engine: in what order, how long, how many, and what they hear; who leaves, and what the engine notices.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { events, Hob, readAnswer, until } from '../lib/hob.mjs';

const ENGINE = new URL('../lib/fake_engine.mjs', import.meta.url).pathname;
const LLAMA = process.env.LLAMA_SERVER ?? new URL('../../.deps/llama-server/llama-server', import.meta.url).pathname;
const GGUF = new URL('../tools/make_gguf.py', import.meta.url).pathname;
const GET = new URL('../../script/get-llama-server', import.meta.url).pathname;
const GONE_MS = 100; // within which the engine and the queue are rid of a client that has gone

let hob, ann, bob, cy, dir;
before(async () => {
  if (!existsSync(LLAMA)) execFileSync(GET, [], { stdio: 'inherit' });
  dir = await mkdtemp(join(tmpdir(), 'hob-queue-'));
  hob = await Hob.start({ env: { HOB_LLAMA_SERVER_DIR: dirname(LLAMA) } });
  [ann, bob, cy] = [await hob.addKey('ann'), await hob.addKey('bob'), await hob.addKey('cy')];
});
const asked = [];
after(async () => {
  for (const one of asked) one.leave();
  await hob?.stop();
  await rm(dir, { recursive: true, force: true });
});

/** A request under way: `res` when it has its header; `leave()` goes away. */
function ask(model, content, { key = ann, stream = false } = {}) {
  const abort = new AbortController();
  const res = fetch(`${hob.url}/v1/chat/completions`, {
    method: 'POST',
    signal: abort.signal,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ model, stream, messages: [{ role: 'user', content }] })
  });
  res.catch(() => {});
  const one = { res, leave: () => abort.abort() };
  asked.push(one);
  return one;
}
const errorOf = async (res) => (await res.json()).error;
const queueOf = async (name) => (await hob.server(name)).queue;
const untilWaiting = (name, n, options) =>
  until(async () => (await queueOf(name)).waiting === n, `${n} wait for ${name}`, options);
const untilActive = (name, n) => until(async () => (await queueOf(name)).active === n, `${name} works on ${n}`);

/** A fake engine that does one at a time (or what `more` says), and the lines that it has written. */
async function fake(name, more = {}, props = '{"total_slots":1}') {
  const file = join(dir, name);
  await writeFile(file, '');
  const { id } = await hob.addCommand(name, [process.execPath, ENGINE, '${PORT}', props]);
  const res = await hob.send('PATCH', `/api/servers/${id}`, more);
  assert.equal(res.status, 200);
  const lines = async () => (await readFile(file, 'utf8')).split('\n').filter(Boolean);
  const begun = async () => (await lines()).filter((l) => l.includes(' begun')).map((l) => l.split(' ')[0]);
  const has = (line) => until(async () => (await lines()).find((l) => l.startsWith(line)), `${name}: ${line}`);
  return { id, name, file, lines, begun, has };
}
/** Takes the only slot until it leaves. */
async function occupy(engine, word = 'first', options = {}) {
  const one = ask(engine.name, `busy ${engine.file} ${word}`, options);
  await engine.has(`${word} begun`);
  return one;
}
/** Asks one after the other, so that they wait in this order. */
async function askAll(engine, words) {
  const all = [];
  const { waiting } = await queueOf(engine.name);
  for (const [i, word] of words.entries()) {
    all.push(ask(engine.name, `quick ${engine.file} ${word}`, { key: { a: ann, b: bob, c: cy }[word[0]] }));
    await untilWaiting(engine.name, waiting + i + 1);
  }
  return all;
}

test('turns go round between keys: one that floods does not keep the others waiting', async () => {
  const engine = await fake('rounds');
  const first = await occupy(engine);
  const all = await askAll(engine, ['a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'b1', 'b2', 'c1']);
  const queue = await queueOf('rounds');
  assert.deepEqual([queue.slots, queue.active, queue.waiting, queue.reason], [1, 1, 9, 'slots']);
  assert.deepEqual(
    queue.requests.map((r) => r.position),
    [1, 4, 6, 7, 8, 9, 2, 5, 3]
  );
  const { engine: told } = await hob.server('rounds');
  assert.deepEqual([told.active, told.waiting], [1, 9]);
  first.leave();
  for (const { res } of all) assert.equal((await res).status, 200);
  assert.deepEqual(await engine.begun(), ['first', 'a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'a4', 'a5', 'a6']);
  const over = await queueOf('rounds');
  assert.deepEqual([over.active, over.waiting, over.reason, over.requests], [0, 0, null, []]);
});

test('a stream that waits has its 200 after a second, and its place counts down', async () => {
  const engine = await fake('places');
  const running = await occupy(engine);
  const before = [ask('places', `busy ${engine.file} second`), ask('places', `busy ${engine.file} third`)];
  await untilWaiting('places', 2);
  const asked = performance.now();
  const last = ask('places', 'writes []', { stream: true });
  const res = await last.res;
  assert.ok(performance.now() - asked > 900, 'an early failure could keep its status');
  assert.equal(res.status, 200);
  const comments = [];
  const reading = (async () => {
    for await (const ev of events(res)) if (ev.comment) comments.push(ev.comment);
  })();
  for (const [place, next] of [
    [3, running],
    [2, before[0]],
    [1, before[1]]
  ]) {
    await until(() => comments.includes(`${place} ahead of you`), `place ${place}`);
    next.leave();
  }
  await reading;
  assert.deepEqual([...new Set(comments)], ['3 ahead of you', '2 ahead of you', '1 ahead of you']);
});

test('a client that goes away is out of the queue and off the engine at once, and the next begins', async () => {
  const engine = await fake('leaving');
  const first = await occupy(engine);
  const gone = ask('leaving', `busy ${engine.file} gone`);
  await untilWaiting('leaving', 1);
  const next = ask('leaving', `quick ${engine.file} next`);
  await untilWaiting('leaving', 2);
  let at = Date.now();
  gone.leave();
  await untilWaiting('leaving', 1, { every: 5 });
  assert.ok(Date.now() - at < 2 * GONE_MS, `out of the queue after ${Date.now() - at} ms`);
  at = Date.now();
  first.leave();
  assert.equal((await next.res).status, 200);
  for (const line of ['first gone', 'next begun']) {
    const ms = Number((await engine.has(line)).split(' ')[2]) - at;
    assert.ok(ms < GONE_MS, `${line} after ${ms} ms`);
  }
  assert.deepEqual(await engine.begun(), ['first', 'next']);
});

/** The same as `ask` with a socket of one's own. */
function askRaw(model, content) {
  const body = JSON.stringify({ model, messages: [{ role: 'user', content }] });
  const socket = connect({ port: hob.port, host: '127.0.0.1', allowHalfOpen: true });
  socket.setEncoding('utf8').on('error', () => {});
  let text = '';
  socket.on('data', (d) => (text += d));
  const closed = new Promise((resolve) => socket.on('end', () => resolve(text)));
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:${hob.port}\r\nAuthorization: Bearer ${ann}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
  return { socket, closed };
}

test('a client that only shuts its side keeps its place and is served; one that closes has lost it', async () => {
  const engine = await fake('half');
  const first = await occupy(engine);
  const half = askRaw('half', `quick ${engine.file} half`);
  await untilWaiting('half', 1);
  half.socket.end();
  const closing = askRaw('half', `quick ${engine.file} closed`);
  await untilWaiting('half', 2);
  const at = performance.now();
  closing.socket.destroy();
  await untilWaiting('half', 1, { every: 5 });
  assert.ok(performance.now() - at < 2 * GONE_MS, `out of the queue after ${performance.now() - at} ms`);
  first.leave();
  const text = await half.closed;
  assert.match(text, /HTTP\/1\.1 200 OK\r\n/);
  assert.match(text, /all\\nat once/);
  assert.deepEqual(await engine.begun(), ['first', 'half']);
});

test('too many that wait are refused with 429, and a flood leaves a place for somebody else', async () => {
  const engine = await fake('full', { max_waiting: 4 });
  const first = await occupy(engine);
  const all = await askAll(engine, ['a1', 'a2', 'a3']);
  const refused = async (key) => {
    const res = await ask('full', 'json', { key }).res;
    assert.equal(res.status, 429);
    assert.ok(Number(res.headers.get('retry-after')) > 0);
    const error = await errorOf(res);
    assert.deepEqual([error.code, error.type, error.param], ['queue_full', 'rate_limit_exceeded', null]);
    assert.match(error.message, /full/);
  };
  await refused(ann);
  all.push(...(await askAll(engine, ['b1'])));
  await refused(bob);
  await refused(cy);
  const chat = await hob.post('/api/chat/completions', hob.message(engine.id, 'json'));
  assert.equal(chat.status, 429);
  assert.equal((await errorOf(chat)).code, 'queue_full');
  assert.equal((await queueOf('full')).max_waiting, 4);
  first.leave();
  for (const { res } of all) assert.equal((await res).status, 200);
});

test('one that waits longer than it may gets 503, and an event where the 200 was sent', async () => {
  const engine = await fake('late', { hold_s: 2 });
  const first = await occupy(engine);
  const plain = ask('late', 'json'),
    stream = ask('late', 'json', { stream: true });
  const res = await plain.res;
  assert.equal(res.status, 503);
  assert.ok(Number(res.headers.get('retry-after')) > 0);
  assert.equal((await errorOf(res)).code, 'queue_timeout');
  const answer = await readAnswer(await stream.res);
  assert.equal(answer.error.error.code, 'queue_timeout');
  assert.ok(answer.cut, 'no clean end');
  assert.deepEqual(await engine.begun(), ['first']);
  first.leave();
});

test('the chat and /v1 wait in one queue', async () => {
  const engine = await fake('shared');
  const first = await occupy(engine);
  const chat = hob.post('/api/chat/completions', hob.message(engine.id, `note ${engine.file} chat`));
  await untilWaiting('shared', 1);
  const v1 = ask('shared', `busy ${engine.file} v1`);
  await untilWaiting('shared', 2);
  const unwanted = await hob.post('/api/chat/completions', hob.message(engine.id, `note ${engine.file} never`));
  await hob.post(`/api/generations/${unwanted.headers.get('x-generation-id')}/stop`);
  assert.equal((await readAnswer(unwanted)).done.state, 'stopped');
  await untilWaiting('shared', 2);
  const answer = readAnswer(await chat);
  first.leave();
  assert.match((await answer).text, /You said chat/);
  assert.ok((await answer).comments.includes('1 ahead of you'), (await answer).comments.join());
  await engine.has('v1 begun');
  v1.leave();
  await untilActive('shared', 0);
  assert.ok(!(await readFile(engine.file, 'utf8')).includes('never'));
});

test('a restart of the engine keeps the queue, and who had the turn is first again', async () => {
  const engine = await fake('again');
  const first = await occupy(engine);
  const all = await askAll(engine, ['a1', 'a2', 'b1']);
  assert.equal((await hob.post(`/api/servers/${engine.id}/restart`)).status, 202);
  await until(async () => (await engine.begun()).length === 2, 'the first is asked again');
  assert.equal((await queueOf('again')).waiting, 3);
  first.leave();
  for (const { res } of all) assert.equal((await res).status, 200);
  assert.deepEqual(await engine.begun(), ['first', 'first', 'b1', 'a1', 'a2']);
});

test('slots are those of the setting, else what the engine says, else there is no limit; a change counts at once', async () => {
  const engine = await fake('slots', {}, '{"total_slots":2}');
  const running = [await occupy(engine, 'one'), await occupy(engine, 'two')];
  running.push(ask('slots', `busy ${engine.file} three`), ask('slots', `busy ${engine.file} four`));
  await untilWaiting('slots', 2);
  assert.equal((await queueOf('slots')).slots, 2);
  assert.equal((await hob.send('PATCH', `/api/servers/${engine.id}`, { slots: 3 })).status, 200);
  await engine.has('three begun');
  assert.deepEqual([(await queueOf('slots')).slots, (await queueOf('slots')).waiting], [3, 1]);
  for (const one of running) one.leave();
  await untilActive('slots', 0);

  const free = await fake('free', {}, '');
  const many = [];
  for (let i = 0; i < 6; i++) many.push(await occupy(free, `n${i}`));
  assert.equal((await queueOf('free')).slots, null);
  for (const one of many) one.leave();

  const demo = await hob.addReady('two', ['--slots', '2']);
  await until(async () => (await queueOf('two')).slots === 2, 'two slots are known');
  await hob.send('PATCH', `/api/servers/${demo.id}`, { args: ['--slots', '5'] });
  await hob.post(`/api/servers/${demo.id}/restart`);
  await until(async () => (await queueOf('two')).slots === 5, 'five slots are known');
});

test('200 requests for one slot are all served', { timeout: 120000 }, async () => {
  await hob.addReady('one', ['--slots', '1', '--tokens-per-second', '0']);
  const all = Array.from({ length: 200 }, (_, i) => ask('one', `echo ${i}`));
  for (const [i, { res }] of all.entries()) {
    const answer = await res;
    assert.equal(answer.status, 200);
    assert.match((await answer.json()).choices[0].message.content, new RegExp(`${i}`));
  }
});

test('requests at the same time load one copy; one whose client gives up does not end the load', async () => {
  await hob.addDemo('single', ['--load-seconds', '2', '--tokens-per-second', '0']);
  const impatient = ask('single', 'echo impatient');
  const all = Array.from({ length: 20 }, () => ask('single', 'echo patient', { stream: true }));
  await untilWaiting('single', 21);
  assert.equal((await queueOf('single')).reason, 'engine');
  impatient.leave();
  await untilWaiting('single', 20);
  const answers = await Promise.all(all.map(async ({ res }) => readAnswer(await res)));
  for (const answer of answers) assert.match(answer.text, /patient/);
  assert.ok(
    answers[0].comments.some((c) => /^loading \d+ %$/.test(c)),
    answers[0].comments.join()
  );
  const { engine } = await hob.server('single');
  assert.deepEqual([engine.state, engine.attempt], ['ready', 1]);
});

test('a start that fails at once is told at once to who waits for it, with the cause', async (t) => {
  const own = await Hob.start();
  t.after(() => own.stop());
  const key = await own.addKey();
  await own.addDemo('nowhere');
  /* Where its engines would listen is no folder. */
  await rm(join(own.dir, 'run'), { recursive: true });
  await writeFile(join(own.dir, 'run'), '');
  const res = await fetch(`${own.url}/v1/chat/completions`, {
    method: 'POST',
    signal: AbortSignal.timeout(20000),
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ model: 'nowhere', messages: [{ role: 'user', content: 'hi' }] })
  });
  const error = await errorOf(res);
  assert.deepEqual([res.status, error.code], [503, 'engine_failed']);
  assert.match(error.message, /is no folder of this user/);
});

test('a llama-server of one slot: the second stream hears its place, and a client that leaves makes room', async (t) => {
  const model_path = join(dir, 'tiny.gguf');
  execFileSync('python3', [GGUF, model_path]);
  const made = await hob.post('/api/servers', {
    name: 'llama',
    kind: 'llama-server',
    model_path,
    args: ['-np', '1', '-c', '4096', '--ignore-eos']
  });
  assert.equal(made.status, 201, await made.clone().text());
  const { server } = await made.json();
  await hob.startServer(server.id);
  await until(async () => (await queueOf('llama')).slots === 1, 'it says that it has one slot');
  const long = ask('llama', 'on and on', { stream: true });
  assert.equal((await long.res).status, 200);
  const second = ask('llama', 'hello', { stream: true });
  const res = await second.res;
  assert.equal(res.status, 200);
  const seen = events(res);
  assert.equal((await seen.next()).value.comment, '1 ahead of you');
  const at = performance.now();
  long.leave();
  for (let ev = await seen.next(); ; ev = await seen.next()) if (ev.value?.data) break;
  t.diagnostic(`the next stream had its first event after ${Math.round(performance.now() - at)} ms`);
  second.leave();
  await untilActive('llama', 0);
  const plain = ask('llama', 'on and on');
  await untilActive('llama', 1);
  const next = ask('llama', 'hello', { stream: true });
  await untilWaiting('llama', 1);
  const left = performance.now();
  plain.leave();
  await untilWaiting('llama', 0, { every: 5 });
  assert.ok(performance.now() - left < 2 * GONE_MS);
  for await (const ev of events(await next.res)) if (ev.data) break;
  t.diagnostic(`behind one without a stream: ${Math.round(performance.now() - left)} ms`);
});
