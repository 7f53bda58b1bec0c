// An answer is the same however it is watched: cut after each event, polled, after a restart, and whoever leaves the POST.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { events, Hob, until } from '../lib/hob.mjs';
import { newSeed, random } from '../lib/random.mjs';

const ENGINE = new URL('../lib/fake_engine.mjs', import.meta.url).pathname;

let hob, server;
before(async () => {
  hob = await Hob.start();
  const command = [process.execPath, ENGINE, '${PORT}'];
  const res = await hob.post('/api/servers', { name: 'fake', kind: 'command', command });
  server = (await res.json()).server;
  await hob.startServer(server.id);
});
after(() => hob?.stop());

const text = (...pieces) => pieces.map((content) => ({ content }));
const call = (index, id, name, ...pieces) => [
  { tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] },
  ...pieces.map((piece) => ({ tool_calls: [{ index, function: { arguments: piece } }] }))
];
/** Waits between the deltas, so that the answer is watched while it is written, and its log takes several flushes. */
const slowly = (deltas) => deltas.flatMap((delta) => [60, delta]);

/** name: [what the engine is told, what is stored in the end] */
const SHAPES = {
  text: [
    `deltas ${JSON.stringify(slowly(text('Hello', ' ', 'world', '\n\nand', ' more')))}`,
    { content: 'Hello world\n\nand more' }
  ],
  reasoning: [
    `deltas ${JSON.stringify(slowly([{ reasoning_content: 'hm' }, { reasoning_content: ', so' }, ...text('Yes', '.')]))}`,
    { content: 'Yes.', reasoning: 'hm, so' }
  ],
  'think tags': [
    `deltas ${JSON.stringify(slowly(text('<th', 'ink>', 'hm', '</', 'think', '>', 'Yes')))}`,
    { content: '<think>hm</think>Yes' }
  ],
  'tool calls': [
    `deltas ${JSON.stringify(slowly([...call(0, 'a', 'f', '{"x"', ':1}'), ...call(1, 'b', 'g', '{}')]))}`,
    {
      content: '',
      tool_calls: [
        { id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } },
        { id: 'b', type: 'function', function: { name: 'g', arguments: '{}' } }
      ]
    }
  ],
  'bytes of characters': [
    `bytes ${JSON.stringify(text('grün → ', '👩‍💻', '\u{1F600}ä', '\u0007\u2028', 'ende'))}`,
    { content: 'grün → 👩‍💻\u{1F600}ä\u0007\u2028ende' }
  ],
  'an error in the middle': [
    `deltas ${JSON.stringify(slowly([...text('one ', 'two'), { error: { message: 'out of memory', code: 500 } }]))}`,
    { content: 'one two', state: 'interrupted' }
  ],
  'a break in the middle': [
    `deltas ${JSON.stringify(slowly([...text('one ', 'two'), null]))}`,
    { content: 'one two', state: 'interrupted' }
  ],
  nothing: ['deltas []', { content: '' }]
};

const SEED = newSeed();
const CHARACTERS = [
  ...'aZ09 \n\r\t"\\<>/&{}[]:,äß→你שأ\u0301\u200d\u2028\u202e\u0001\u007f\ufeff\ufffd\uffff😀👩\u{10ffff}'
];

/** An answer of any pieces in any order, in writes that respect neither events nor characters; as in SHAPES. */
function randomShape(next) {
  const below = (n) => Math.floor(next() * n);
  const any = (most) => Array.from({ length: below(most + 1) }, () => CHARACTERS[below(CHARACTERS.length)]).join('');
  /** Cut between any two characters. */
  const cut = (whole) => {
    const pieces = [''];
    for (const c of whole) {
      if (next() < 0.3) pieces.push('');
      pieces[pieces.length - 1] += c;
    }
    return pieces;
  };
  const stored = { content: any(12), reasoning: next() < 0.5 ? `so ${any(12)}` : null, tool_calls: null };
  if (next() < 0.5) stored.content = `<think>${any(6)}</think>${stored.content}`;
  stored.content += 'end';
  const queues = [cut(stored.content).map((content) => ({ content }))];
  if (stored.reasoning) queues.push(cut(stored.reasoning).map((reasoning_content) => ({ reasoning_content })));
  if (next() < 0.5) {
    stored.tool_calls = [];
    for (let index = 0; index <= below(2); index++) {
      const made = {
        id: `call_${index}`,
        type: 'function',
        function: { name: 'f', arguments: JSON.stringify({ x: any(8) }) }
      };
      stored.tool_calls.push(made);
      queues.push(call(index, made.id, 'f', ...cut(made.function.arguments)));
    }
  }
  let said = '';
  const end = ['\n\n', '\r\n\r\n', '\r\r'][below(3)];
  while (queues.some((queue) => queue.length)) {
    if (next() < 0.2) said += `: comment${end}`;
    // the first pieces of calls come in the order of the calls
    const left = queues.filter((queue, i) => queue.length && !(i && queues[i - 1][0]?.tool_calls?.[0].id));
    const delta = left[below(left.length)].shift();
    said += `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: null }] })}${end}`;
  }
  said += `data: ${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })}${end}data: [DONE]${end}`;
  const bytes = Buffer.from(said);
  const writes = [];
  for (let at = 0; at < bytes.length;) {
    const n = 1 + below(next() < 0.3 ? 8 : 400);
    writes.push(bytes.subarray(at, at + n).toString('base64'));
    if (next() < 0.5) writes.push(below(40));
    at += n;
  }
  return [`writes ${JSON.stringify(writes)}`, stored];
}
const next = random(SEED);
for (let i = 1; i <= 3; i++) SHAPES[`random answer ${i} (SEED=${SEED})`] = randomShape(next);

/** Events as {id, event, data}, at most `n` of them; then the connection is cut. */
async function watch(id, { after = 0, n = Infinity, follow = true } = {}) {
  const abort = new AbortController();
  const res = await hob.request(`/api/generations/${id}/events${follow ? '' : '?follow=false'}`, {
    headers: after ? { 'last-event-id': String(after) } : {},
    signal: abort.signal
  });
  assert.equal(res.status, 200);
  const seen = [];
  for await (const ev of events(res)) {
    if (ev.data === null) continue;
    seen.push(ev);
    if (seen.length >= n) break;
  }
  abort.abort();
  return seen;
}

const isLast = (ev) => ev?.data === '[DONE]';
const lastId = (seen) => Number(seen.at(-1)?.id ?? 0);

/** Calls more(after) until the last event has come. */
async function collect(more) {
  const seen = [];
  const end = performance.now() + 15000;
  while (!isLast(seen.at(-1))) {
    assert.ok(performance.now() < end, `no end after ${lastId(seen)} events`);
    seen.push(...(await more(lastId(seen))));
  }
  return seen;
}

/** Reattaches after every single event. */
const watchInPieces = (id, follow) => collect((after) => watch(id, { after, n: 1, follow }));

/** As a poll gets them: whatever is there each time. */
const poll = (id) =>
  collect(async (after) => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    return watch(id, { after, follow: false });
  });

/** What all events say together. */
function joined(seen) {
  const said = { content: '', reasoning: '', calls: {}, finish: null, end: null };
  for (const ev of seen.filter((ev) => !isLast(ev))) {
    const data = JSON.parse(ev.data);
    if (ev.event !== 'message') {
      said.end = [ev.event, data];
      continue;
    }
    const { delta, finish_reason } = data.choices[0];
    said.content += delta.content ?? '';
    said.reasoning += delta.reasoning_content ?? '';
    said.finish ??= finish_reason;
    for (const call of delta.tool_calls ?? []) {
      const whole = (said.calls[call.index] ??= { name: '', arguments: '' });
      whole.name += call.function.name ?? '';
      whole.arguments += call.function.arguments ?? '';
    }
  }
  return said;
}

async function begin(content, more) {
  const body = hob.message(server.id, content, more);
  const abort = new AbortController();
  const res = await hob.post('/api/chat/completions', body, { signal: abort.signal });
  assert.equal(res.status, 200);
  abort.abort();
  return { id: res.headers.get('x-generation-id'), conversation: body.conversation_id };
}

describe('cut after each event, an answer is the same as uncut', () => {
  const answers = {};

  for (const [name, [content, stored]] of Object.entries(SHAPES))
    test(`${name}: while it is written`, async () => {
      const { id, conversation } = await begin(content);
      const ways = await Promise.all([watch(id), watchInPieces(id, true), watchInPieces(id, false), poll(id)]);
      const whole = ways[0];
      assert.deepEqual(
        whole.map((ev) => Number(ev.id)),
        whole.map((_, i) => i + 1)
      );
      assert.equal(whole.at(-2).event, stored.state ? 'error' : 'done');
      for (const way of ways) assert.deepEqual(way, whole);
      const { messages } = await hob.get(`/api/conversations/${conversation}`);
      for (const [field, value] of Object.entries({ state: 'done', ...stored }))
        assert.deepEqual(messages[1][field], value, field);
      answers[id] = whole;
    });

  const check = async () => {
    for (const [id, whole] of Object.entries(answers)) {
      for (let after = 0; after <= whole.length; after++) {
        assert.deepEqual(await watch(id, { after }), whole.slice(after));
        assert.deepEqual(await watch(id, { after, follow: false }), whole.slice(after));
      }
      assert.deepEqual(await watchInPieces(id, true), whole);
    }
  };
  test('when they have ended', check);
  test('when hob was restarted', async () => {
    await hob.terminate();
    await hob.run();
    await check();
  });
  test('after two days, when their logs have been made short: the same texts and the same end', async () => {
    await hob.terminate();
    const shift = 'UPDATE generations SET finished_at = finished_at - 172800000';
    execFileSync('python3', [
      '-c',
      `import sqlite3; c = sqlite3.connect("${hob.dir}/hob.db"); c.execute("${shift}"); c.commit()`
    ]);
    await hob.run();
    for (const [id, before] of Object.entries(answers)) {
      const wanted = joined(before);
      const short = await until(
        async () => {
          const seen = await watch(id);
          return !isDeepStrictEqual(seen, before) && seen;
        },
        'the log is short',
        { every: 200 }
      );
      assert.ok(short.length <= 7);
      assert.deepEqual(joined(short), wanted);
      answers[id] = short;
    }
    await check();
    await hob.startServer(server.id);
  });
});

test('whoever leaves the POST at whatever moment: the message is there once, and so is its answer', async () => {
  const next = random(3);
  const content = `deltas ${JSON.stringify(text('a', 'b', 'c', 'd').flatMap((delta) => [4, delta]))}`;
  const rounds = Array.from({ length: 40 }, () => hob.message(server.id, content));
  for (const body of rounds) {
    const times = 1 + Math.floor(next() * 3);
    for (let i = 0; i < times; i++) {
      const signal = AbortSignal.timeout(Math.floor(next() * 30));
      await hob
        .post('/api/chat/completions', body, { signal })
        .then((res) => res.text())
        .catch(() => {});
    }
  }
  for (const body of rounds) {
    const res = await hob.post('/api/chat/completions', body);
    assert.equal(res.status, 200);
    await res.text();
    const { messages } = await hob.get(`/api/conversations/${body.conversation_id}`);
    assert.deepEqual(
      messages.map((m) => [m.role, m.state, m.role === 'user' ? m.id : m.content]),
      [
        ['user', 'answered', body.message.id],
        ['assistant', 'done', 'abcd']
      ]
    );
  }
});

test('the outbox is listed in its conversation, keeps its order, and an entry can be taken back', async () => {
  const slow = await hob.addDemo('slow', ['--load-seconds', '1', '--slots', '1', '--tokens-per-second', '0']);
  const conversations = [];
  for (const word of ['one', 'two', 'three', 'four']) {
    const body = hob.message(slow.id, `echo ${word}`, { mode: 'when_ready' });
    const res = await hob.post('/api/chat/completions', body);
    assert.equal(res.status, 202);
    conversations.push({ id: body.conversation_id, generation: (await res.json()).generation.id });
  }
  for (const { id, generation } of conversations) {
    const { conversation, messages } = await hob.get(`/api/conversations/${id}`);
    assert.equal(conversation.generating, true);
    assert.deepEqual([messages[1].state, messages[1].generation_id], ['queued', generation]);
  }
  const [, two] = conversations;
  const stopped = await (await hob.post(`/api/generations/${two.generation}/stop`)).json();
  assert.equal(stopped.generation.state, 'stopped');
  const answers = await until(async () => {
    const all = await Promise.all(conversations.map(({ id }) => hob.get(`/api/conversations/${id}`)));
    return all.every(({ conversation }) => !conversation.generating) && all.map(({ messages }) => messages[1]);
  }, 'the outbox is empty');
  assert.deepEqual(
    answers.map((a) => [a.state, a.content]),
    [
      ['done', 'one'],
      ['stopped', ''],
      ['done', 'three'],
      ['done', 'four']
    ]
  );
  const { lines } = await hob.get(`/api/servers/${slow.id}/log`);
  assert.equal(lines.filter((line) => /tokens in/.test(line.text)).length, 3, 'what was taken back was never asked');
  const unknown = await hob.post(`/api/generations/${randomUUID()}/stop`);
  assert.equal(unknown.status, 404);
});

test('the outbox goes one by one: who writes meanwhile does not wait behind all of it', async () => {
  const slow = await hob.addDemo('one-slot', ['--slots', '1', '--tokens-per-second', '40', '--load-seconds', '1']);
  const waiting = [];
  for (let i = 0; i < 4; i++) {
    const body = hob.message(slow.id, 'long 40', { mode: 'when_ready' });
    assert.equal((await hob.post('/api/chat/completions', body)).status, 202);
    waiting.push(body.conversation_id);
  }
  const stateOf = async (id) => (await hob.get(`/api/conversations/${id}`)).messages[1].state;
  await until(async () => (await stateOf(waiting[0])) === 'streaming', 'the first is answered', { ms: 30000 });
  const res = await hob.post('/api/chat/completions', hob.message(slow.id, 'echo now'));
  assert.equal(res.status, 200);
  await res.text();
  assert.equal(await stateOf(waiting[0]), 'done');
  assert.notEqual(await stateOf(waiting[3]), 'done');
  await until(async () => (await stateOf(waiting[3])) === 'done', 'the last is answered', { ms: 30000 });
  assert.deepEqual(await Promise.all(waiting.map(stateOf)), ['done', 'done', 'done', 'done']);
});

test('the outbox goes on when the one that had the engine started is taken back, and after a failed start', async () => {
  const stateOf = async (id) => (await hob.get(`/api/conversations/${id}`)).messages[1].state;
  const put = async (server) => {
    const body = hob.message(server, 'echo there', { mode: 'when_ready' });
    const res = await hob.post('/api/chat/completions', body);
    assert.equal(res.status, 202);
    return { id: body.conversation_id, generation: (await res.json()).generation.id };
  };
  const isDone = (id) => until(async () => (await stateOf(id)) === 'done', 'it is answered', { ms: 30000 });
  const late = await hob.addDemo('late', ['--tokens-per-second', '0', '--load-seconds', '1']);
  const [first, second] = [await put(late.id), await put(late.id)];
  await hob.post(`/api/generations/${first.generation}/stop`);
  await isDone(second.id);
  assert.equal(await stateOf(first.id), 'stopped');

  const failing = await hob.addDemo('failing', ['--die-while-loading', '--tokens-per-second', '0']);
  const third = await put(failing.id);
  await hob.untilState(failing.id, 'failed');
  await hob.send('PATCH', `/api/servers/${failing.id}`, { args: ['--tokens-per-second', '0'] });
  const fourth = await put(failing.id); // starts it again
  await isDone(third.id);
  await isDone(fourth.id);
});

test('who waits behind one that is taken back has the engine started in its stead', async () => {
  const slow = await hob.addReady('slow-to-end', ['--tokens-per-second', '0']);
  process.kill((await hob.server('slow-to-end')).engine.pid, 'SIGSTOP');
  await hob.post(`/api/servers/${slow.id}/stop`);
  const waiting = [];
  for (const word of ['one', 'two']) {
    const body = hob.message(slow.id, `echo ${word}`, { mode: 'when_ready' });
    const res = await hob.post('/api/chat/completions', body);
    assert.equal(res.status, 202);
    waiting.push({ id: body.conversation_id, generation: (await res.json()).generation.id });
  }
  assert.equal((await hob.server('slow-to-end')).engine.state, 'stopping');
  await hob.post(`/api/generations/${waiting[0].generation}/stop`);
  const stateOf = async (id) => (await hob.get(`/api/conversations/${id}`)).messages[1].state;
  await until(async () => (await stateOf(waiting[1].id)) === 'done', 'the second is answered', { ms: 30000 });
  assert.equal(await stateOf(waiting[0].id), 'stopped');
});

test('kill -9 while a tool call is streamed: what is older than a flush is there', async () => {
  const content = `deltas ${JSON.stringify([...call(0, 'a', 'f', '{"x"'), 60000])}`;
  const { id, conversation } = await begin(content);
  await until(async () => (await watch(id, { follow: false })).length >= 2, 'the pieces have come');
  // nothing tells from outside when a flush is on disk; it is due 200 ms after its first event
  await new Promise((resolve) => setTimeout(resolve, 1000));
  await hob.kill();
  await hob.run();
  const { messages } = await hob.get(`/api/conversations/${conversation}`);
  assert.equal(messages[1].state, 'interrupted');
  assert.deepEqual(messages[1].tool_calls, [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{"x"' } }]);
  const seen = await watch(id);
  assert.deepEqual([seen.at(-2).event, seen.length], ['error', 4]);
  await hob.startServer(server.id);
});

test('what of the outbox has no word yet when hob ends waits again, and is answered after the next start', async () => {
  const mute = await hob.addDemo('mute', ['--hang-after-tokens', '0', '--tokens-per-second', '0']);
  const body = hob.message(mute.id, 'echo at last', { mode: 'when_ready' });
  assert.equal((await hob.post('/api/chat/completions', body)).status, 202);
  const answer = async () => (await hob.get(`/api/conversations/${body.conversation_id}`)).messages[1];
  await until(async () => (await answer())?.state === 'connecting', 'the engine has been asked');
  const ended = hob.terminate();
  await until(() => /stopping; /.test(hob.log), 'hob has heard it');
  process.kill(hob.pid, 'SIGTERM');
  await ended;
  await hob.run();
  await until(async () => ['queued', 'connecting'].includes((await answer())?.state), 'it waits again');
  await hob.send('PATCH', `/api/servers/${mute.id}`, { args: ['--tokens-per-second', '0'] });
  await hob.post(`/api/servers/${mute.id}/restart`);
  await until(async () => (await answer())?.state === 'done', 'it is answered');
  assert.equal((await answer()).content, 'at last');
});
