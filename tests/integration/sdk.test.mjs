// The official OpenAI and Anthropic packages as they are, default settings, against hob in front of the real llama-server
// and of the demo engine: a client that knows nothing of hob never meets a cold start, a swap or a route as an error.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { Hob, until } from '../lib/hob.mjs';

const LLAMA = process.env.LLAMA_SERVER ?? new URL('../../.deps/llama-server/llama-server', import.meta.url).pathname;
const TOOL = new URL('../tools/make_gguf.py', import.meta.url).pathname;
const GET = new URL('../../script/get-llama-server', import.meta.url).pathname;

const COLD_S = 90;
const WEATHER = { city: 'Oslo' };
const WEATHER_SCHEMA = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };

let hob, openai, anthropic, key;
/** What the 90 s load is waited for by: asked first, read last, so that everything else runs meanwhile. */
let cold;

before(async () => {
  if (!existsSync(LLAMA)) execFileSync(GET, [], { stdio: 'inherit' });
  hob = await Hob.start({ env: { HOB_LLAMA_SERVER_DIR: dirname(LLAMA) } });
  key = await hob.addKey();
  openai = new OpenAI({ baseURL: `${hob.url}/v1`, apiKey: key });
  anthropic = new Anthropic({ baseURL: hob.url, apiKey: key });

  await hob.addDemo('cold', ['--load-seconds', String(COLD_S), '--tokens-per-second', '300']);
  const begun = performance.now();
  const took = (promise) => promise.then((text) => ({ text, ms: performance.now() - begun }));
  cold = Promise.allSettled([
    took(chat('cold', 'echo streamed', { stream: true }).then(textOf)),
    took(chat('cold', 'echo whole').then((r) => r.choices[0].message.content)),
    took(anthropic.messages.stream(claude('cold', 'echo a message')).finalText()),
    took(openai.responses.create({ model: 'cold', input: 'echo a response' }).then((r) => r.output_text))
  ]);

  const model = join(hob.dir, 'random.gguf');
  // large enough that an answer takes longer than a test
  execFileSync('python3', [TOOL, model, '--size', '24M']);
  const real = { kind: 'llama-server', model_path: model };
  for (const [name, args] of [
    ['llama', ['-c', '32768', '-t', '1', '-np', '2', '--jinja', '--ignore-eos']],
    ['llama-vectors', ['-c', '512', '-t', '2', '--embeddings', '--pooling', 'mean']]
  ]) {
    const res = await hob.post('/api/servers', { name, args, ...real });
    assert.equal(res.status, 201, await res.clone().text());
  }
  await hob.addDemo('demo-fast', ['--tokens-per-second', '300']);
});
after(() => hob?.stop());

const chat = (model, content, more = {}) =>
  openai.chat.completions.create({ model, messages: [{ role: 'user', content }], ...more });
const claude = (model, content, more = {}) => ({
  model,
  max_tokens: 200,
  messages: [{ role: 'user', content }],
  ...more
});

async function textOf(stream) {
  let text = '';
  for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? chunk.choices[0]?.text ?? '';
  return text;
}

/** Nothing is worked on or waits any more, soon after a client has gone. */
const untilIdle = (name) =>
  until(
    async () => {
      const { active, waiting } = (await hob.server(name)).engine;
      return active === 0 && waiting === 0;
    },
    `${name} works for nobody`,
    { ms: 2000 }
  );

for (const { engine, model, vectors, prompt } of [
  { engine: 'the demo engine', model: 'demo-fast', vectors: 'demo-fast', prompt: 'echo it works' },
  { engine: 'llama-server', model: 'llama', vectors: 'llama-vectors', prompt: 'once upon a time' }
]) {
  describe(engine, () => {
    test('OpenAI: chat, streaming and not, from stopped', async () => {
      assert.equal((await hob.server(model)).engine.state, 'stopped');
      const stream = await chat(model, prompt, {
        stream: true,
        max_tokens: 8,
        stream_options: { include_usage: true }
      });
      let usage, finish;
      let text = '';
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta.content ?? '';
        finish = chunk.choices[0]?.finish_reason ?? finish;
        usage = chunk.usage ?? usage;
      }
      assert.ok(text.length > 0 && finish && usage.completion_tokens > 0);
      const whole = await chat(model, prompt, { max_tokens: 8 });
      assert.ok(whole.choices[0].message.content.length > 0);
      assert.ok(whole.usage.prompt_tokens > 0);
      if (engine === 'llama-server') assert.equal(whole.model, model, 'no path of a file');
    });

    test('OpenAI: completions and responses, streaming and not', async () => {
      const completion = await openai.completions.create({ model, prompt, max_tokens: 8 });
      assert.ok(completion.choices[0].text.length > 0);
      const stream = await openai.completions.create({ model, prompt, max_tokens: 8, stream: true });
      assert.ok((await textOf(stream)).length > 0);
      const response = await openai.responses.create({ model, input: prompt, max_output_tokens: 8 });
      assert.ok(response.output_text.length > 0);
      let text = '';
      const types = new Set();
      for await (const event of await openai.responses.create({
        model,
        input: prompt,
        max_output_tokens: 8,
        stream: true
      })) {
        types.add(event.type);
        if (event.type === 'response.output_text.delta') text += event.delta;
      }
      assert.ok(text.length > 0 && types.has('response.created') && types.has('response.completed'));
    });

    test('Anthropic: messages, streaming and not, and counted tokens', async () => {
      const message = await anthropic.messages.create(claude(model, prompt, { max_tokens: 8 }));
      assert.ok(message.content[0].text.length > 0);
      assert.ok(message.usage.input_tokens > 0 && message.usage.output_tokens > 0);
      const streamed = await anthropic.messages.stream(claude(model, prompt, { max_tokens: 8 })).finalMessage();
      assert.ok(streamed.content[0].text.length > 0 && streamed.stop_reason);
      const { input_tokens: n } = await anthropic.messages.countTokens(
        claude(model, prompt, { max_tokens: undefined })
      );
      assert.ok(n > 0);
    });

    test('embeddings', async () => {
      const { data } = await openai.embeddings.create({ model: vectors, input: ['one text', 'another'] });
      assert.equal(data.length, 2);
      assert.ok(data[0].embedding.length > 1 && data[0].embedding.every(Number.isFinite));
    });

    test("an engine's errors keep their status and text, in each client's shape", async () => {
      const long = 'word '.repeat(100000);
      if (engine === 'llama-server') {
        await assert.rejects(
          chat(model, long),
          (e) =>
            e instanceof OpenAI.BadRequestError && /context/.test(e.message) && e.type === 'exceed_context_size_error'
        );
        await assert.rejects(
          openai.embeddings.create({ model, input: 'x' }),
          (e) => e.status === 501 && /--embeddings/.test(e.message)
        );
      }
      const wrong = { model, messages: [{ role: 'user', content: 5 }] };
      await assert.rejects(openai.chat.completions.create(wrong), (e) => e.status === 400 && /content/.test(e.message));
      await assert.rejects(
        anthropic.messages.create({ ...wrong, max_tokens: 5 }),
        (e) =>
          e instanceof Anthropic.BadRequestError && e.error.type === 'error' && /content/.test(e.error.error.message)
      );
      await assert.rejects(
        openai.images.generate({ model, prompt: 'a hob' }),
        (e) => e instanceof OpenAI.NotFoundError && /images\/generations/.test(e.message)
      );
    });

    test('an abort frees the engine, streaming and not', async () => {
      const abort = new AbortController();
      const endless = {
        max_tokens: 100000,
        ...(engine === 'llama-server' ? { ignore_eos: true, n_predict: 100000 } : {})
      };
      const stream = await chat(model, 'long 5000', { ...endless, stream: true });
      for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
      stream.controller.abort();
      await untilIdle(model);
      const staying = new AbortController();
      const [stays, leaves] = [staying, abort].map(({ signal }) =>
        openai.chat.completions
          .create({ model, messages: [{ role: 'user', content: 'long 5000' }], ...endless }, { signal })
          .catch((e) => e)
      );
      await until(async () => (await hob.server(model)).engine.active === 2, 'both are worked on');
      abort.abort();
      assert.ok((await leaves) instanceof OpenAI.APIUserAbortError);
      await until(async () => (await hob.server(model)).engine.active <= 1, 'one is left', { ms: 1000 });
      staying.abort();
      await stays;
      await untilIdle(model);
    });

    test('an engine killed in mid-stream is an error for both clients, and the next request is answered', async () => {
      const { pid } = await until(async () => {
        const { engine: e } = await hob.server(model);
        return e.state === 'ready' && e;
      }, 'it runs');
      const endless = { max_tokens: 100000 };
      const stream = await chat(model, 'long 5000', { ...endless, stream: true });
      const message = anthropic.messages.stream(claude(model, 'long 5000', endless));
      const failed = message.finalMessage().then(
        () => assert.fail('a clean end'),
        (e) => e
      );
      const began = new Promise((resolve) => message.on('text', resolve));
      const reading = textOf(stream);
      await began;
      process.kill(pid, 'SIGKILL');
      await assert.rejects(reading);
      assert.ok((await failed) instanceof Error);
      const again = await chat(model, prompt, { max_tokens: 8 });
      assert.ok(again.choices[0].message.content.length > 0);
    });
  });
}

test('tools: both clients get the call whole, streaming and not', async () => {
  const ask = `call get_weather ${JSON.stringify(WEATHER)}`;
  const tools = [{ type: 'function', function: { name: 'get_weather', parameters: WEATHER_SCHEMA } }];
  const calls = (m) => m.tool_calls.map((c) => [c.function.name, JSON.parse(c.function.arguments)]);
  const body = { model: 'demo-fast', messages: [{ role: 'user', content: ask }], tools };
  assert.deepEqual(calls((await openai.chat.completions.create(body)).choices[0].message), [['get_weather', WEATHER]]);
  assert.deepEqual(calls(await openai.chat.completions.stream(body).finalMessage()), [['get_weather', WEATHER]]);
  const used = (m) => m.content.map((c) => [c.type, c.name, c.input]);
  const more = { tools: [{ name: 'get_weather', input_schema: WEATHER_SCHEMA }] };
  assert.deepEqual(used(await anthropic.messages.create(claude('demo-fast', ask, more))), [
    ['tool_use', 'get_weather', WEATHER]
  ]);
  const streamed = await anthropic.messages.stream(claude('demo-fast', ask, more)).finalMessage();
  assert.deepEqual(used(streamed), [['tool_use', 'get_weather', WEATHER]]);
  const item = (await openai.responses.stream({ model: 'demo-fast', input: ask }).finalResponse()).output[0];
  assert.deepEqual([item.type, item.name, JSON.parse(item.arguments)], ['function_call', 'get_weather', WEATHER]);
});

test('strangers and unknown models: each client raises its own class, and says what there is', async () => {
  const stranger = { apiKey: 'sk-wrong' };
  await assert.rejects(
    new OpenAI({ baseURL: `${hob.url}/v1`, ...stranger }).models.list(),
    (e) => e instanceof OpenAI.AuthenticationError && e.code === 'invalid_api_key'
  );
  await assert.rejects(
    new Anthropic({ baseURL: hob.url, ...stranger }).messages.create(claude('demo-fast', 'hi')),
    (e) => e instanceof Anthropic.AuthenticationError && e.error.error.type === 'authentication_error'
  );
  await assert.rejects(
    chat('demo-fsat', 'hi'),
    (e) => e instanceof OpenAI.NotFoundError && e.code === 'model_not_found' && /demo-fast/.test(e.message)
  );
  await assert.rejects(
    anthropic.messages.create(claude('demo-fsat', 'hi')),
    (e) => e instanceof Anthropic.NotFoundError && /demo-fast/.test(e.error.error.message)
  );
});

test('a swap between two models is a wait, for both clients', async () => {
  const size = ['--load-seconds', '1', '--tokens-per-second', '300'];
  for (const name of ['swap-a', 'swap-b']) await hob.addDemo(name, size, { group: 'large' });
  const res = await hob.send('PATCH', '/api/memory', { groups: { large: 'exclusive' } });
  assert.equal(res.status, 200);
  const message = (name) => anthropic.messages.stream(claude(name, `echo from ${name}`)).finalText();
  const answers = await Promise.all([
    ...['swap-a', 'swap-b'].map((name) => chat(name, `echo from ${name}`, { stream: true }).then(textOf)),
    ...['swap-b', 'swap-a'].map(message)
  ]);
  assert.deepEqual(answers, ['from swap-a', 'from swap-b', 'from swap-b', 'from swap-a']);
  const states = await Promise.all(['swap-a', 'swap-b'].map(async (name) => (await hob.server(name)).engine.state));
  assert.equal(states.filter((s) => s === 'ready').length, 1, states.join());
  assert.equal(await message('swap-a'), 'from swap-a');
  assert.equal(await message('swap-b'), 'from swap-b');
});

test('models: listed, and read by name', async () => {
  const ids = [];
  for await (const m of openai.models.list()) ids.push(m.id);
  assert.ok(['demo-fast', 'llama', 'cold'].every((name) => ids.includes(name)));
  assert.equal((await openai.models.retrieve('llama')).id, 'llama');
  await assert.rejects(openai.models.retrieve('nothing/like-it'), OpenAI.NotFoundError);
});

test(`a cold start of ${COLD_S} s is a wait, not an error, for each kind of request`, { timeout: 240000 }, async () => {
  const results = await cold;
  for (const r of results) assert.equal(r.status, 'fulfilled', String(r.reason));
  assert.deepEqual(
    results.map((r) => r.value.text),
    ['streamed', 'whole', 'a message', 'a response']
  );
  for (const r of results) assert.ok(r.value.ms > COLD_S * 1000, `answered after ${r.value.ms} ms`);
  assert.equal((await hob.server('cold')).engine.attempt, 1, 'the model was loaded once');
});
