// The official OpenAI SDK, default settings, against hob: it waits for a model instead of failing.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { Hob, until } from '../lib/hob.mjs';

let hob, client, key;
before(async () => {
  hob = await Hob.start();
  key = await hob.addKey();
  client = new OpenAI({ baseURL: `${hob.url}/v1`, apiKey: key });
});
after(() => hob?.stop());

const ask = (model, content, more = {}) =>
  client.chat.completions.create({ model, messages: [{ role: 'user', content }], ...more });

async function textOf(stream) {
  let text = '';
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
  return text;
}

test('lists the servers as models', async () => {
  const models = [];
  for await (const m of client.models.list()) models.push(m.id);
  assert.deepEqual(models, ['demo']);
});

test('a stopped server is started and the answer comes, streaming and not', async () => {
  await hob.addDemo('cold', ['--load-seconds', '2', '--tokens-per-second', '300']);
  const text = await textOf(await ask('cold', 'echo it works', { stream: true }));
  assert.match(text, /it works/);
  const whole = await ask('cold', 'echo it works');
  assert.equal(whole.choices[0].message.content, text);
  assert.ok(whole.usage.completion_tokens > 0);
});

test('a held stream gets its header while the model loads, then comments with the progress', async () => {
  await hob.addDemo('held', ['--load-seconds', '5', '--tokens-per-second', '300']);
  const res = await fetch(`${hob.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ model: 'held', stream: true, messages: [{ role: 'user', content: 'echo hi' }] })
  });
  assert.equal(res.status, 200);
  assert.ok(['starting', 'loading'].includes((await hob.server('held')).engine.state));
  assert.equal(res.headers.get('x-accel-buffering'), 'no');
  const text = await res.text();
  assert.match(text, /^: loading \d+ %/m);
  assert.match(text, /data: \[DONE\]\n\n$/);
});

test('twenty clients at a cold start load the model once', async () => {
  const server = await hob.addDemo('crowd', ['--load-seconds', '1.5', '--tokens-per-second', '300', '--slots', '32']);
  const texts = await Promise.all(
    Array.from({ length: 20 }, () => ask('crowd', 'echo together').then((r) => r.choices[0].message.content))
  );
  assert.equal(new Set(texts).size, 1);
  const now = await hob.get(`/api/servers/${server.id}`);
  assert.equal(now.server.engine.attempt, 1);
});

test('a client that goes away in a hold cancels nothing: the load goes on', async () => {
  const server = await hob.addDemo('impatient', ['--load-seconds', '2', '--tokens-per-second', '300']);
  const abort = new AbortController();
  const asked = ask('impatient', 'echo hi', { stream: true })
    .then((s) => s.controller)
    .catch(() => undefined);
  void asked;
  const other = client.chat.completions
    .create(
      { model: 'impatient', messages: [{ role: 'user', content: 'echo hi' }] },
      { signal: abort.signal, maxRetries: 0 }
    )
    .catch((e) => e);
  await until(async () => (await hob.server('impatient')).engine.state === 'loading', 'it loads');
  abort.abort();
  assert.ok((await other) instanceof Error);
  await hob.untilState(server.id, 'ready');
  assert.equal((await hob.server('impatient')).engine.attempt, 1);
});

test('an abort ends the work of the engine', async () => {
  const server = await hob.addDemo('worker', ['--tokens-per-second', '20']);
  await hob.startServer(server.id);
  const stream = await ask('worker', 'long 2000', { stream: true });
  for await (const chunk of stream) {
    if (chunk.choices[0]?.delta.content) break;
  }
  stream.controller.abort();
  await until(async () => (await hob.server('worker')).engine.active === 0, 'nothing is active any more', { ms: 2000 });
});

test('an engine that dies in mid-stream is an error for the client, never a clean end', async () => {
  const server = await hob.addDemo('mortal', ['--tokens-per-second', '100', '--die-after-tokens', '10']);
  await hob.startServer(server.id);
  const stream = await ask('mortal', 'long 500', { stream: true });
  await assert.rejects(textOf(stream));
});

test('errors have the shape and the codes that the SDK expects', async () => {
  await assert.rejects(
    ask('nothing-like-it', 'hi'),
    (e) => e instanceof OpenAI.NotFoundError && e.code === 'model_not_found' && /demo/.test(e.message)
  );
  const stranger = new OpenAI({ baseURL: `${hob.url}/v1`, apiKey: 'sk-wrong' });
  await assert.rejects(
    stranger.models.list(),
    (e) => e instanceof OpenAI.AuthenticationError && e.code === 'invalid_api_key'
  );
  await assert.rejects(
    client.chat.completions.create({ messages: [] }),
    (e) => e instanceof OpenAI.BadRequestError && e.param === 'model'
  );
  const bad = await hob.addDemo('refuses', ['--status', '422']);
  await hob.startServer(bad.id);
  await assert.rejects(ask('refuses', 'hi'), (e) => e.status === 422);
  const broken = await hob.addDemo('broken', ['--load-seconds', '0.2', '--die-while-loading']);
  await hob.post(`/api/servers/${broken.id}/start`);
  await hob.untilState(broken.id, 'failed');
  const begun = performance.now();
  await assert.rejects(ask('broken', 'hi', {}), (e) => e.code === 'engine_failed' || /exited/.test(e.message));
  assert.ok(performance.now() - begun < 5000, 'no long series of retries');
});

test('SIGTERM lets a stream come to its end', async () => {
  const own = await Hob.start();
  const server = await own.addDemo('steady', ['--tokens-per-second', '40']);
  await own.startServer(server.id);
  const sdk = new OpenAI({ baseURL: `${own.url}/v1`, apiKey: await own.addKey() });
  const stream = await sdk.chat.completions.create({
    model: 'steady',
    stream: true,
    messages: [{ role: 'user', content: 'long 60' }]
  });
  const reading = textOf(stream);
  await until(async () => (await own.server('steady')).engine.active === 1, 'it streams');
  await own.stop();
  assert.equal((await reading).split(/\s+/).length > 30, true);
});
