// What engines send, good and bad, through both ways: the chat and /v1. The engine is tests/lib/fake_engine.mjs.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { events, Hob, readAnswer, until } from '../lib/hob.mjs';

const ENGINE = new URL('../lib/fake_engine.mjs', import.meta.url).pathname;

let hob, server, key;
before(async () => {
  hob = await Hob.start();
  key = await hob.addKey();
  const res = await hob.post('/api/servers', {
    name: 'fake',
    kind: 'command',
    command: [process.execPath, ENGINE, '${PORT}'],
    system_prompt: 'Be brief.'
  });
  assert.equal(res.status, 201, await res.clone().text());
  server = (await res.json()).server;
  await hob.startServer(server.id);
});
after(() => hob?.stop());

const say = (content, more) => hob.post('/api/chat/completions', hob.message(server.id, content, more));
const v1 = (content, more = {}) =>
  fetch(`${hob.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ model: 'fake', stream: true, messages: [{ role: 'user', content }], ...more })
  });

test('the engine gets system prompt, answered messages, options, and a streaming request', async () => {
  const conversation_id = randomUUID();
  const first = hob.message(server.id, 'early so it was', { conversation_id });
  const begun = await hob.post('/api/chat/completions', first);
  const answer_id = begun.headers.get('x-answer-id');
  await begun.arrayBuffer();
  const res = await say('prompt', {
    conversation_id,
    parent_id: answer_id,
    options: { temperature: 0.2, max_tokens: 9, stop: ['###'] }
  });
  const body = JSON.parse((await readAnswer(res)).text);
  assert.deepEqual(body, {
    model: 'fake',
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'early so it was' },
      { role: 'assistant', content: 'so it was' },
      { role: 'user', content: 'prompt' }
    ],
    stream: true,
    stream_options: { include_usage: true },
    temperature: 0.2,
    max_tokens: 9,
    stop: ['###']
  });
});

test('attachments reach the engine, in later turns too: text fenced with its name, images as data URLs', async () => {
  const upload = async (name, type, bytes) => {
    const res = await hob.request(`/api/attachments?name=${name}`, {
      method: 'POST',
      headers: { 'content-type': type },
      body: bytes
    });
    assert.equal(res.status, 201);
    return (await res.json()).attachment.id;
  };
  const png = Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==',
    'base64'
  );
  const image = await upload('dot.png', 'image/png', png);
  const file = await upload('notes.md', 'text/markdown', '# Title\n```js\nlet a\n```\n');
  const conversation_id = randomUUID();
  const parts = [
    { type: 'text', text: 'prompt' },
    { type: 'file', file: { id: file, name: 'notes.md' } },
    { type: 'image_url', image_url: { url: `attachment:${image}` } }
  ];
  const res = await say(parts, { conversation_id });
  assert.equal(res.status, 200);
  const parent_id = res.headers.get('x-answer-id');
  const content = JSON.parse((await readAnswer(res)).text).messages.at(-1).content;
  assert.deepEqual(content[0], {
    type: 'text',
    text: 'prompt\n\nFile: notes.md\n````\n# Title\n```js\nlet a\n```\n````'
  });
  assert.deepEqual(content[1], {
    type: 'image_url',
    image_url: { url: `data:image/png;base64,${png.toString('base64')}` }
  });
  const later = await say('prompt and what else', { conversation_id, parent_id });
  const { messages } = JSON.parse((await readAnswer(later)).text);
  assert.deepEqual(messages.find((m) => m.role === 'user').content, content, 'part of later turns');

  const missing = await say([
    { type: 'file', file: { id: randomUUID(), name: 'x' } },
    { type: 'text', text: 'prompt' }
  ]);
  assert.equal(missing.status, 404);
});

test("a conversation's settings hold for each answer; the request's options win field by field and are kept", async () => {
  const settings = { options: { temperature: 0.2, max_tokens: 90, stop: ['###'] }, system_prompt: 'Speak Latin.' };
  const body = hob.message(server.id, 'prompt', { settings });
  const first = await hob.post('/api/chat/completions', body);
  const sent = JSON.parse((await readAnswer(first)).text);
  assert.deepEqual(sent.messages[0], { role: 'system', content: 'Be brief.\n\nSpeak Latin.' });
  assert.deepEqual([sent.temperature, sent.max_tokens, sent.stop], [0.2, 90, ['###']]);
  assert.ok(!('top_p' in sent) && !('seed' in sent), 'what nobody set is not sent');

  const { conversation_id } = body;
  const parent_id = first.headers.get('x-answer-id');
  const next = hob.message(server.id, 'prompt', { conversation_id, parent_id, options: { max_tokens: 5, seed: 1 } });
  const second = JSON.parse((await readAnswer(await hob.post('/api/chat/completions', next))).text);
  const held = { temperature: 0.2, stop: ['###'], max_tokens: 5, seed: 1 };
  for (const [name, value] of Object.entries(held)) assert.deepEqual(second[name], value, name);

  const changed = { options: { top_k: 3 }, system_prompt: null };
  const patch = await hob.send('PATCH', `/api/conversations/${conversation_id}`, changed);
  assert.equal(patch.status, 200, await patch.clone().text());
  const retry = hob.message(server.id, 'prompt', { conversation_id, mode: 'when_ready' });
  assert.equal((await hob.post('/api/chat/completions', retry)).status, 202);
  const read = () => hob.get(`/api/conversations/${conversation_id}`);
  const answers = await until(async () => {
    const { messages } = await read();
    const found = messages.filter((m) => m.role === 'assistant');
    return found.length === 3 && found.every((m) => m.state === 'done') && found;
  }, 'three answers');
  const third = JSON.parse(answers[2].content);
  assert.deepEqual(third.messages[0], { role: 'system', content: 'Be brief.' });
  assert.deepEqual([third.top_k, 'temperature' in third], [3, false]);
  assert.deepEqual(
    answers.map((m) => m.options),
    [settings.options, held, { top_k: 3 }]
  );
});

test('each option reaches the engine as it was set, from the conversation and from the request', async () => {
  const sets = [
    { temperature: 0.7, top_p: 0.95, top_k: 40, min_p: 0.05, presence_penalty: -1.5, frequency_penalty: 0.25 },
    { temperature: 0, top_p: 0, top_k: 0, min_p: 0, presence_penalty: 0, frequency_penalty: 0 },
    { temperature: 5, top_p: 1, top_k: 100000, min_p: 1, presence_penalty: 2, frequency_penalty: -2 }
  ].map((set, i) => ({ ...set, max_tokens: i + 1, seed: 4294967295 - i, stop: [`end ${i}`] }));
  const names = Object.keys(sets[0]);
  const sent = async (more) => {
    const res = await say('prompt', more);
    assert.equal(res.status, 200);
    const body = JSON.parse((await readAnswer(res)).text);
    return Object.fromEntries(names.map((name) => [name, body[name]]));
  };
  for (const set of sets) {
    const conversation_id = randomUUID();
    assert.deepEqual(await sent({ conversation_id, settings: { options: set } }), set);
    assert.deepEqual(await sent({ conversation_id }), set, 'of the conversation');
    for (const other of sets) assert.deepEqual(await sent({ conversation_id, options: other }), other);
    assert.deepEqual(await sent({ options: set }), set, 'of the request');
  }
});

test('tool calls are passed on piece by piece, kept whole, and told of in words later', async () => {
  const pieces = [
    [{ index: 0, id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '' } }],
    [{ index: 0, function: { arguments: '{"city"' } }],
    [{ index: 1, id: 'call_2', type: 'function', function: { name: 'now', arguments: '{}' } }],
    [{ index: 0, function: { arguments: ':"Oslo"}' } }]
  ];
  const body = hob.message(server.id, `tools ${JSON.stringify(pieces)}`);
  const res = await hob.post('/api/chat/completions', body);
  const seen = [];
  let done;
  for await (const ev of events(res)) {
    if (ev.data === null || ev.data === '[DONE]') continue;
    const data = JSON.parse(ev.data);
    if (ev.event === 'done') done = data;
    else if (data.choices[0]?.delta.tool_calls) seen.push(data.choices[0].delta.tool_calls);
  }
  assert.deepEqual(seen, pieces);
  assert.deepEqual([done.state, done.meta.finish_reason], ['done', 'tool_calls']);
  const { messages } = await hob.get(`/api/conversations/${body.conversation_id}`);
  assert.equal(messages[0].state, 'answered');
  assert.deepEqual([messages[1].state, messages[1].content], ['done', '']);
  assert.deepEqual(messages[1].tool_calls, [
    { id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Oslo"}' } },
    { id: 'call_2', type: 'function', function: { name: 'now', arguments: '{}' } }
  ]);
  const next = { conversation_id: body.conversation_id, parent_id: messages[1].id };
  const prompt = JSON.parse((await readAnswer(await say('prompt', next))).text).messages;
  assert.deepEqual(
    prompt.slice(1).map((m) => m.role),
    ['user', 'assistant', 'user']
  );
  assert.match(prompt[2].content, /get_weather with {"city":"Oslo"}.*not run/);
});

test('an engine that breaks off after a tool call leaves an interrupted answer with it', async () => {
  const body = hob.message(
    server.id,
    `deltas ${JSON.stringify([{ tool_calls: [{ index: 0, id: 'a', function: { name: 'f', arguments: '{' } }] }, null])}`
  );
  const answer = await readAnswer(await hob.post('/api/chat/completions', body));
  assert.equal(answer.error.state, 'interrupted');
  const { messages } = await hob.get(`/api/conversations/${body.conversation_id}`);
  assert.equal(messages[1].state, 'interrupted');
  assert.equal(messages[1].tool_calls[0].function.name, 'f');
});

test('an answer that is continued counts its tool calls on from those that are there', async () => {
  const piece = { tool_calls: [{ index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }] };
  const body = hob.message(server.id, `deltas ${JSON.stringify([piece, null])}`);
  const calls = [];
  for (const mode of ['send', 'continue']) {
    const res = await hob.post('/api/chat/completions', { ...body, mode });
    assert.equal(res.status, 200);
    for await (const ev of events(res))
      if (ev.event === 'message' && ev.data !== '[DONE]')
        calls.push(...(JSON.parse(ev.data ?? '{}').choices?.[0]?.delta.tool_calls ?? []));
  }
  assert.deepEqual(
    calls.map((c) => [c.index, c.id]),
    [
      [0, 'a'],
      [1, 'a']
    ]
  );
  const { messages } = await hob.get(`/api/conversations/${body.conversation_id}`);
  assert.equal(messages.length, 2);
  assert.equal(messages[1].tool_calls.length, 2);
});

test('the time of the reasoning is measured, also inside the content, also when it is stopped', async () => {
  const took = async (deltas) => {
    const res = await say(`deltas ${JSON.stringify(deltas)}`);
    return (await readAnswer(res)).done.meta.reasoning_ms;
  };
  assert.equal(await took([{ content: 'Hello' }]), null);
  assert.ok((await took([{ reasoning_content: 'hm' }, 200, { content: 'Hello' }])) >= 50);
  const tags = [{ content: '<th' }, { content: 'ink>hm' }, 200, { content: '</thi' }, { content: 'nk>Hello' }];
  assert.ok((await took(tags)) >= 50);
  const res = await say(`deltas ${JSON.stringify([{ reasoning_content: 'hm' }, 5000, { content: 'late' }])}`);
  const id = res.headers.get('x-generation-id');
  await until(async () => {
    const part = await readAnswer(await hob.request(`/api/generations/${id}/events?follow=false`));
    return part.reasoning;
  }, 'the reasoning has begun');
  await new Promise((resolve) => setTimeout(resolve, 30));
  const stopped = await (await hob.post(`/api/generations/${id}/stop`)).json();
  assert.ok(stopped.generation.meta.reasoning_ms > 0);
  await res.body.cancel();
});

test('whether a model takes images is asked of its engine, and remembered while it is stopped', async () => {
  const visionOf = async (props, want) => {
    const command = [process.execPath, ENGINE, '${PORT}', ...(props ? [JSON.stringify(props)] : [])];
    const res = await hob.post('/api/servers', { name: `eyes ${randomUUID()}`, kind: 'command', command });
    const { server } = await res.json();
    assert.equal(server.vision, null);
    await hob.startServer(server.id);
    const vision = async () => (await hob.get(`/api/servers/${server.id}`)).server.vision;
    if (want !== null) await until(async () => (await vision()) === want, `vision is ${want}`);
    await hob.post(`/api/servers/${server.id}/stop`);
    await hob.untilState(server.id, 'stopped');
    assert.equal(await vision(), want);
    return server;
  };
  const seeing = await visionOf({ modalities: { vision: true, audio: false } }, true);
  await visionOf({ modalities: { vision: false } }, false);
  await visionOf({ modalities: { vision: 'yes' } }, null);
  await visionOf(null, null);
  const other = await hob.send('PATCH', `/api/servers/${seeing.id}`, { args: ['--other'] });
  assert.equal((await other.json()).server.vision, null, 'other options, other model');
  const demo = await hob.addDemo(`eyes ${randomUUID()}`);
  assert.equal(demo.vision, false);
});

test('odd but legal streams are read to the letter', async () => {
  const answer = await readAnswer(await say('odd'));
  assert.equal(answer.text, 'grün → two lines');
  assert.equal(answer.done.state, 'done');
  const bad = await readAnswer(await say('badutf8'));
  assert.equal(bad.text, 'a\uFFFD\uFFFDbc');
});

test('an engine that knows no streams is answered all the same', async () => {
  const answer = await readAnswer(await say('json'));
  assert.equal(answer.text, 'all\nat once');
  assert.equal(answer.done.meta.finish_reason, 'stop');
  const res = await v1('json');
  assert.equal(res.status, 200);
  assert.equal((await res.json()).choices[0].message.content, 'all\nat once');
});

test('answers that are no HTTP are 502 at once, both ways', async () => {
  const bad = [
    ['raw HELLO\\r\\n\\r\\n', 'bad_gateway'],
    ['raw HTTP/1.1 200 OK\\r\\nContent-Length: x\\r\\n\\r\\n', 'bad_gateway'],
    ['raw HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n', 'bad_gateway'],
    ['raw HTTP/1.1 200 OK\\r\\nContent-Ty', 'engine_died'],
    ['raw ', 'engine_died']
  ];
  for (const [what, code] of bad) {
    const begun = performance.now();
    const res = await say(what);
    assert.equal(res.status, 502, what);
    assert.equal((await res.json()).error.code, code, what);
    assert.ok(performance.now() - begun < 5000, `${what}: not by a time-out`);
    const direct = await v1(what);
    assert.equal(direct.status, 502, what);
    assert.equal((await direct.json()).error.code, code, what);
  }
});

test("errors in every engine's shape have a message for people", async () => {
  const shapes = [
    [400, '{"error":{"message":"too long","type":"exceed_context_size_error","code":400}}', 'too long'],
    [400, '{"error":"no such thing"}', 'no such thing'],
    [422, '{"detail":[{"msg":"field required"}]}', 'field required'],
    [500, 'it broke', 'it broke'],
    [502, '', 'The engine answered with status 502']
  ];
  for (const [status, text, message] of shapes) {
    const res = await say(`status ${status} ${text}`);
    assert.equal(res.status, status);
    const { error } = await res.json();
    assert.equal(error.message, message);
    if (message === 'too long') assert.equal(error.code, 'exceed_context_size_error');
    const direct = await v1(`status ${status} ${text}`);
    assert.equal(direct.status, status);
    const told = (await direct.json()).error;
    assert.deepEqual(Object.keys(told), ['message', 'type', 'param', 'code']);
    assert.equal(told.message, message);
    if (message === 'too long') assert.equal(told.type, 'exceed_context_size_error');
  }
  const redirect = await say('status 302 {}');
  assert.equal(redirect.status, 502);
  assert.equal((await redirect.json()).error.code, 'bad_gateway');
});

test('a failure before the first token may be tried again, one after it keeps the text', async () => {
  for (const act of ['error', 'early']) {
    const body = hob.message(server.id, act);
    const none = await readAnswer(await hob.post('/api/chat/completions', body));
    assert.equal(none.error.state, 'failed');
    assert.equal(none.error.error.retryable, true);
    assert.equal((await hob.get(`/api/conversations/${body.conversation_id}`)).messages[0].state, 'pending');
    const some = await readAnswer(await say(`${act} half an answer`));
    assert.equal(some.text, 'half an answer');
    assert.equal(some.error.state, 'interrupted');
    assert.equal(some.error.error.retryable, false);
  }
  assert.equal((await readAnswer(await say('error x'))).error.error.message, 'out of memory');
  const endless = await readAnswer(await say('endless'));
  assert.equal(endless.error.error.code, 'bad_gateway');
  assert.equal(endless.error.state, 'failed');
});

test('through /v1 a broken stream is an error event and a broken end', async () => {
  const res = await v1('cut');
  assert.equal(res.status, 200);
  let text = '';
  await assert.rejects(async () => {
    const decoder = new TextDecoder();
    for await (const part of res.body) text += decoder.decode(part, { stream: true });
  });
  assert.match(text, /one /);
  assert.match(
    text,
    /\n\ndata: \{"error":\{"message":"[^"]+","type":"server_error","param":null,"code":"engine_died"\}\}\n\n$/
  );
});

test('through /v1 the body is the same byte for byte, and headers that speak for hob are dropped', async () => {
  const res = await v1('odd');
  assert.equal(res.headers.get('x-engine'), 'yes');
  assert.equal(res.headers.get('x-accel-buffering'), 'no');
  for (const name of ['access-control-allow-origin', 'set-cookie', 'server'])
    assert.equal(res.headers.get(name), null, name);
  const text = Buffer.from(await res.arrayBuffer()).toString('utf8');
  assert.ok(text.startsWith('\uFEFF: hello\r\n\r\nevent: message\r\nid: x\r\n'));
  assert.ok(text.endsWith('data: [DONE]\n\n'));
});

test('a reader that stops reading stops nobody else, and gets all of it in the end', async () => {
  const id = (await say('flood 30000')).headers.get('x-generation-id');
  const slow = await hob.request(`/api/generations/${id}/events`);
  const direct = await v1('flood 300000');
  /* Nothing of those two is read meanwhile. */
  const other = await readAnswer(await hob.request(`/api/generations/${id}/events`));
  assert.equal(other.done.state, 'done');
  const numbers = (n) => Array.from({ length: n }, (_, i) => `${i} `).join('');
  assert.equal(other.text, numbers(30000));
  const answer = await readAnswer(slow);
  assert.equal(answer.text, numbers(30000));
  assert.equal(answer.ids.length, 30000 + 3);
  const { server: now } = await hob.get(`/api/servers/${server.id}`);
  assert.equal(now.engine.active, 1, 'the flood through /v1 waits for its reader');
  assert.equal((await readAnswer(direct)).text, numbers(300000));
});

test('an answer that is longer than hob keeps ends with an error, and what came is kept', async () => {
  const body = hob.message(server.id, 'flood 100000');
  const answer = await readAnswer(await hob.post('/api/chat/completions', body));
  assert.equal(answer.error.error.code, 'answer_too_long');
  assert.equal(answer.error.state, 'interrupted');
  assert.equal((await hob.get(`/api/conversations/${body.conversation_id}`)).messages[1].content, answer.text);
});

test('stop and a client that goes away reach the engine at once', async () => {
  const gone = async () =>
    (await hob.get(`/api/servers/${server.id}/log?after=0`)).lines.filter((l) => l.text.includes('client gone')).length;
  const res = await say('hang');
  const stopped = await hob.post(`/api/generations/${res.headers.get('x-generation-id')}/stop`);
  assert.equal(stopped.status, 200);
  await until(async () => (await gone()) === 1, 'the engine hears the stop', { ms: 1000 });
  assert.equal((await readAnswer(res)).text, 'now ');
  const abort = new AbortController();
  const direct = await fetch(`${hob.url}/v1/chat/completions`, {
    method: 'POST',
    signal: abort.signal,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ model: 'fake', stream: true, messages: [{ role: 'user', content: 'hang' }] })
  });
  for await (const ev of events(direct)) if (ev.data) break;
  abort.abort();
  await until(async () => (await gone()) === 2, 'the engine hears that the client left', { ms: 1000 });
});
