// POST /api/chat/completions and what follows from it: statuses, idempotency, durable answers, deaths of both programs.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { events, Hob, isAlive, readAnswer, until } from '../lib/hob.mjs';
import { conversationItem, exported, generationItem, messageItem } from '../lib/talk.mjs';

let hob;
before(async () => {
  hob = await Hob.start();
});
after(() => hob?.stop());

const FAST = ['--tokens-per-second', '400'];
let n = 0;
/** A new server with a ready engine. */
async function ready(args = FAST, more = {}) {
  const server = await hob.addDemo(`s${++n}`, args, more);
  await hob.startServer(server.id);
  return server;
}

const post = (body, init) => hob.post('/api/chat/completions', body, init);
const conversation = (id) => hob.get(`/api/conversations/${id}`);
const generation = async (id) => (await hob.get(`/api/generations/${id}`)).generation;
const replay = (id, after = 0) => hob.request(`/api/generations/${id}/events?after=${after}`);
/** Posts until it is accepted, as the page does on the engine's ready event. */
const accepted = (body) =>
  until(
    async () => {
      const res = await post(body);
      if (res.status === 200) return res;
      await res.arrayBuffer();
      return null;
    },
    'the message is accepted',
    { every: 50 }
  );

function assertContiguous(ids, first = 1) {
  assert.deepEqual(
    ids,
    ids.map((_, i) => first + i)
  );
}

async function failure(res) {
  const { error } = await res.json();
  assert.equal(typeof error.message, 'string');
  assert.ok('type' in error && 'param' in error && 'code' in error);
  return error;
}

/** Reads events until `enough` says so, then leaves. Gives what was read so far. */
async function readUntil(res, enough) {
  const seen = { text: '', ids: [] };
  for await (const ev of events(res)) {
    if (ev.id !== null) seen.ids.push(Number(ev.id));
    if (ev.data !== null && ev.data !== '[DONE]') seen.text += JSON.parse(ev.data).choices?.[0]?.delta?.content ?? '';
    if (enough(seen, ev)) break;
  }
  return seen;
}

test('an answer streams with contiguous ids, figures, and is stored', async () => {
  const server = await ready();
  const body = hob.message(server.id, 'echo good morning');
  const res = await post(body);
  assert.equal(res.status, 200);
  assert.match(res.headers.get('content-type'), /^text\/event-stream/);
  assert.equal(res.headers.get('x-accel-buffering'), 'no');
  const answer = await readAnswer(res);
  assertContiguous(answer.ids);
  assert.match(answer.text, /good morning/);
  assert.equal(answer.done.state, 'done');
  assert.equal(answer.done.meta.finish_reason, 'stop');
  assert.ok(answer.done.meta.completion_tokens > 0 && answer.done.meta.tokens_per_s > 0);
  assert.ok(answer.done.meta.ttft_ms >= 0 && answer.done.meta.total_ms >= answer.done.meta.ttft_ms);

  const { messages, conversation: c } = await conversation(body.conversation_id);
  assert.equal(messages.length, 2);
  assert.equal(messages[0].state, 'answered');
  assert.equal(messages[1].id, res.headers.get('x-answer-id'));
  assert.equal(messages[1].content, answer.text);
  assert.equal(messages[1].state, 'done');
  assert.deepEqual(messages[1].meta, answer.done.meta);
  assert.equal(c.generating, false);
  assert.equal((await generation(res.headers.get('x-generation-id'))).state, 'done');
});

test('a stopped server is started by the message: 503 while it loads, the message stays, then 200', async () => {
  const server = await hob.addDemo('cold', ['--load-seconds', '1.5', ...FAST]);
  const body = hob.message(server.id, 'echo patience');
  const first = await post(body);
  assert.equal(first.status, 503);
  assert.ok(Number(first.headers.get('retry-after')) >= 1);
  const error = await failure(first);
  assert.equal(error.code, 'engine_starting');
  assert.equal(error.engine.state, 'starting');
  const { messages } = await conversation(body.conversation_id);
  assert.deepEqual(
    messages.map((m) => [m.id, m.state]),
    [[body.message.id, 'pending']]
  );
  await hob.untilState(server.id, 'loading');
  const second = await post(body);
  assert.equal(second.status, 503);
  assert.equal((await failure(second)).code, 'engine_loading');
  const answer = await readAnswer(await accepted(body));
  assert.match(answer.text, /patience/);
  assert.equal((await conversation(body.conversation_id)).messages.length, 2);
  assert.equal((await hob.server('cold')).engine.attempt, 1);
});

test('what is wrong with a request is said with the field, and nothing is stored', async () => {
  const server = await ready();
  const cases = [
    [{ conversation_id: 'x' }, 'conversation_id'],
    [{ options: { n: 4 } }, 'options'],
    [{ options: { temperature: 99 } }, 'options'],
    [{ message: { id: randomUUID(), parent_id: null, content: '' } }, null],
    [
      {
        message: {
          id: randomUUID(),
          parent_id: null,
          content: [{ type: 'image_url', image_url: { url: 'http://127.0.0.1/' } }]
        }
      },
      null
    ],
    [{ message: { id: 'nope', parent_id: null, content: 'hi' } }, null],
    [{ mode: 'sometimes' }, 'mode'],
    [{ server: 5 }, 'server']
  ];
  for (const [more, param] of cases) {
    const body = { ...hob.message(server.id, 'hi'), ...more };
    const res = await post(body);
    assert.equal(res.status, 400, JSON.stringify(more));
    const error = await failure(res);
    if (param) assert.equal(error.param, param);
    assert.equal((await hob.request(`/api/conversations/${body.conversation_id}`)).status, 404);
  }
});

test('unknown server 404, failed engine 409 with its log, a server that is not started by messages 409', async () => {
  const lost = hob.message('no-such-server', 'hi');
  const res = await post(lost);
  assert.equal(res.status, 404);
  assert.equal((await failure(res)).code, 'server_not_found');
  assert.equal((await conversation(lost.conversation_id)).messages[0].state, 'pending');

  const broken = await hob.addDemo('broken', ['--die-while-loading']);
  await hob.startServer(broken.id, 'failed');
  const refused = await post(hob.message(broken.id, 'hi'));
  assert.equal(refused.status, 409);
  const error = await failure(refused);
  assert.equal(error.code, 'engine_failed');
  assert.equal(error.engine.failure.exit_code, 1);
  assert.ok(error.engine.failure.log.length > 0);

  const manual = await hob.addDemo('manual', FAST, { on_demand: false });
  const stopped = await post(hob.message(manual.id, 'hi'));
  assert.equal(stopped.status, 409);
  assert.equal((await failure(stopped)).code, 'engine_stopped');
  assert.equal((await hob.server('manual')).engine.state, 'stopped');
});

test('retry starts a failed engine again, a plain message does not', async () => {
  const broken = await hob.addDemo('again', ['--die-while-loading', '--load-seconds', '0.4']);
  await hob.startServer(broken.id, 'failed');
  const body = hob.message(broken.id, 'hi');
  assert.equal((await post(body)).status, 409);
  assert.equal((await hob.server('again')).engine.attempt, 1);
  assert.equal((await post({ ...body, mode: 'retry' })).status, 503);
  assert.equal((await hob.server('again')).engine.attempt, 2);
  await hob.untilState(broken.id, 'failed');
});

test("the engine's own errors pass with their status and text, and the message can be sent again", async () => {
  for (const status of [400, 429, 500, 503]) {
    const server = await ready(['--status', String(status)]);
    const body = hob.message(server.id, 'hi');
    const res = await post(body);
    assert.equal(res.status, status);
    assert.ok((await failure(res)).message.length > 3);
    const { messages } = await conversation(body.conversation_id);
    assert.equal(messages.length, 1);
    assert.equal(messages[0].state, 'pending');
    assert.equal(messages[0].error.retryable, status === 503);
  }
});

test('an engine that dies before its first byte is 502, and the message waits', async () => {
  const server = await ready(['--die-after-tokens', '0']);
  const body = hob.message(server.id, 'long 50');
  const res = await post(body);
  assert.equal(res.status, 502);
  assert.equal((await failure(res)).code, 'engine_died');
  const { messages } = await conversation(body.conversation_id);
  assert.deepEqual(
    messages.map((m) => m.state),
    ['pending']
  );
});

test('twenty posts of one id at once make one message, one answer and one event log', async () => {
  const server = await ready(['--tokens-per-second', '100']);
  const body = hob.message(server.id, 'long 40');
  const responses = await Promise.all(Array.from({ length: 20 }, () => post(body)));
  assert.deepEqual(new Set(responses.map((r) => r.status)), new Set([200]));
  assert.equal(new Set(responses.map((r) => r.headers.get('x-generation-id'))).size, 1);
  const answers = await Promise.all(responses.map(readAnswer));
  assert.equal(new Set(answers.map((a) => a.text)).size, 1);
  for (const answer of answers) assertContiguous(answer.ids);
  const { messages } = await conversation(body.conversation_id);
  assert.equal(messages.length, 2);
  assert.equal(messages[1].content, answers[0].text);

  const late = await post(body);
  assert.equal(late.status, 200);
  assert.equal(late.headers.get('x-generation-id'), responses[0].headers.get('x-generation-id'));
  assert.deepEqual(await readAnswer(late), answers[0]);
  const retried = await post({ ...body, mode: 'retry' });
  assert.equal(retried.headers.get('x-generation-id'), responses[0].headers.get('x-generation-id'));
  await retried.arrayBuffer();
  assert.equal((await conversation(body.conversation_id)).messages.length, 2);
});

test('the same id in another conversation is a conflict, and other people find nothing', async () => {
  const server = await ready();
  const body = hob.message(server.id, 'echo mine');
  await readAnswer(await post(body));
  const moved = await post({ ...body, conversation_id: randomUUID() });
  assert.equal(moved.status, 409);
  assert.equal((await failure(moved)).code, 'conversation_mismatch');
});

test('closing a stream only detaches; replay after N and live are the whole', async () => {
  const server = await ready(['--tokens-per-second', '60']);
  const body = hob.message(server.id, 'long 60');
  const abort = new AbortController();
  const res = await post(body, { signal: abort.signal });
  const id = res.headers.get('x-generation-id');
  const head = await readUntil(res, (seen) => seen.ids.length >= 12);
  abort.abort();
  assert.equal((await generation(id)).state, 'streaming');
  const tail = await readAnswer(await replay(id, 12));
  assertContiguous(tail.ids, 13);
  assert.equal(tail.done.state, 'done');
  const whole = await readAnswer(await replay(id));
  assertContiguous(whole.ids);
  assert.equal(head.text + tail.text, whole.text);
  assert.equal((await conversation(body.conversation_id)).messages[1].content, whole.text);
  const byHeader = await readAnswer(
    await hob.request(`/api/generations/${id}/events`, { headers: { 'last-event-id': '12' } })
  );
  assert.deepEqual(byHeader, tail);
  assert.equal((await replay(randomUUID())).status, 404);
});

test('follow=false gives what is there and ends; polling so gives the same as following', async () => {
  const server = await ready(['--tokens-per-second', '60']);
  const res = await post(hob.message(server.id, 'long 60'));
  const id = res.headers.get('x-generation-id');
  const following = readAnswer(res);
  const polled = { text: '', ids: [], done: null };
  let n_polls = 0;
  await until(async () => {
    const part = await readAnswer(
      await hob.request(`/api/generations/${id}/events?after=${polled.ids.at(-1) ?? 0}&follow=false`)
    );
    n_polls++;
    polled.text += part.text;
    polled.ids.push(...part.ids);
    polled.done = part.done;
    assert.deepEqual(part.comments, []);
    return part.done;
  }, 'the answer has ended');
  assert.ok(n_polls > 2, 'no poll waited for the end');
  const whole = await following;
  assertContiguous(polled.ids);
  assert.deepEqual({ ...whole, comments: [] }, { ...whole, comments: [], ...polled });
  const wrong = await hob.request(`/api/generations/${id}/events?follow=maybe`);
  assert.equal(wrong.status, 400);
  assert.equal((await failure(wrong)).param, 'follow');
});

test('a message in the outbox has no events yet: follow=false ends at once', async () => {
  const server = await hob.addDemo(`s${++n}`, ['--load-seconds', '30']);
  const res = await post(hob.message(server.id, 'echo later', { mode: 'when_ready' }));
  assert.equal(res.status, 202);
  const { id } = (await res.json()).generation;
  const seen = await readAnswer(await hob.request(`/api/generations/${id}/events?follow=false`));
  assert.deepEqual([seen.ids, seen.cut], [[], false]);
  await hob.post(`/api/generations/${id}/stop`);
});

test('stop ends the engine at once, keeps the text, and may be said twice; continue goes on in the same answer', async () => {
  const server = await ready(['--tokens-per-second', '40']);
  const body = hob.message(server.id, 'long 400');
  const res = await post(body);
  const id = res.headers.get('x-generation-id');
  const reading = readAnswer(res);
  await until(async () => (await hob.server(server.name)).engine.active === 1, 'the engine works');
  await until(async () => (await readUntil(await replay(id), () => true)).ids.length > 0, 'it has begun');
  const stopped = await hob.post(`/api/generations/${id}/stop`);
  assert.equal(stopped.status, 200);
  assert.equal((await stopped.json()).generation.state, 'stopped');
  const answer = await reading;
  assert.equal(answer.done.state, 'stopped');
  assertContiguous(answer.ids);
  assert.equal((await hob.server(server.name)).engine.active, 0);
  assert.equal((await (await hob.post(`/api/generations/${id}/stop`)).json()).generation.state, 'stopped');
  const before = (await conversation(body.conversation_id)).messages[1];
  assert.equal(before.content, answer.text);
  assert.equal(before.state, 'stopped');

  const more = await post({ ...body, mode: 'continue', options: { max_tokens: 8 } });
  assert.equal(more.status, 200);
  assert.equal(more.headers.get('x-answer-id'), before.id);
  assert.notEqual(more.headers.get('x-generation-id'), id);
  const added = await readAnswer(more);
  assertContiguous(added.ids);
  const after = (await conversation(body.conversation_id)).messages;
  assert.equal(after.length, 2);
  assert.equal(after[1].content, answer.text + added.text);
  assert.equal(after[1].state, 'done');
  // The figures are the whole answer's.
  const [was, is] = [before.meta, after[1].meta];
  assert.ok(was.completion_tokens > 0 && was.ttft_ms >= 0);
  assert.equal(is.completion_tokens, was.completion_tokens + 8);
  assert.equal(is.ttft_ms, was.ttft_ms);
  assert.ok(is.total_ms >= was.total_ms);
  assert.equal(is.finish_reason, 'length');
});

test('continue goes on in the middle of the reasoning too', async () => {
  const server = await ready(['--think', '--tokens-per-second', '60']);
  const body = hob.message(server.id, 'How does hob wait for a model that is loading?');
  const res = await post(body);
  const id = res.headers.get('x-generation-id');
  const reading = readAnswer(res);
  await until(
    async () =>
      /"reasoning_content"/.test(await (await hob.request(`/api/generations/${id}/events?follow=false`)).text()),
    'it thinks'
  );
  await hob.post(`/api/generations/${id}/stop`);
  const first = await reading;
  assert.ok(first.reasoning && !first.text);
  const added = await readAnswer(await post({ ...body, mode: 'continue' }));
  assert.equal(added.done.state, 'done');
  const whole = await readAnswer(await post(hob.message(server.id, body.message.content)));
  const [, answer] = (await conversation(body.conversation_id)).messages;
  assert.equal(answer.reasoning, whole.reasoning);
  assert.equal(answer.content, whole.text);
});

test('a retry that failed without a word does not keep the answer before it from being continued', async () => {
  const server = await ready(['--tokens-per-second', '40']);
  const dying = await ready(['--die-after-tokens', '0']);
  const body = hob.message(server.id, 'long 400');
  const res = await post(body);
  const reading = readAnswer(res);
  await readUntil(await replay(res.headers.get('x-generation-id')), (seen) => seen.text !== '');
  await hob.post(`/api/generations/${res.headers.get('x-generation-id')}/stop`);
  const first = await reading;
  assert.equal((await post({ ...body, server: dying.id, mode: 'retry' })).status, 502);
  const before = (await conversation(body.conversation_id)).messages;
  assert.deepEqual(
    before.map((m) => m.state),
    ['answered', 'stopped']
  );
  const more = await post({ ...body, mode: 'continue', options: { max_tokens: 8 } });
  assert.equal(more.status, 200);
  assert.equal(more.headers.get('x-answer-id'), before[1].id);
  const added = await readAnswer(more);
  const after = (await conversation(body.conversation_id)).messages;
  assert.deepEqual([after.length, after[1].state], [2, 'done']);
  assert.equal(after[1].content, first.text + added.text);
  assert.equal(after[1].meta.completion_tokens, before[1].meta.completion_tokens + 8);
});

test('figures of any size that an import brings do no harm to what goes on', async () => {
  const server = await ready();
  const talk = conversationItem({ title: 'Old figures' });
  const question = messageItem(talk, null, 'echo one two three');
  const half = messageItem(talk, question, 'one ', { state: 'interrupted' });
  const meta = { completion_tokens: Number.MAX_SAFE_INTEGER, total_ms: -5, ttft_ms: 20 };
  const file = JSON.stringify(
    exported([talk, question, half, generationItem(question, half, { state: 'interrupted', meta })])
  );
  const res = await hob.request('/api/import', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: file.replace(String(Number.MAX_SAFE_INTEGER), '9223372036854775807')
  });
  assert.equal(res.status, 200, await res.text());
  const body = {
    conversation_id: talk.id,
    message: { id: question.id, parent_id: null, content: question.content },
    server: server.id
  };
  await readAnswer(await post({ ...body, mode: 'continue' }));
  const [, answer] = (await conversation(talk.id)).messages;
  assert.equal(answer.state, 'done');
  assert.equal(answer.meta.ttft_ms, 20);
  assert.ok(answer.meta.completion_tokens > 0 && answer.meta.completion_tokens < 100);
  assert.ok(answer.meta.total_ms >= 0);
});

test('an engine killed in mid-stream is an error event; the text stays; retry makes a new answer', async () => {
  const server = await ready(['--die-after-tokens', '10', '--tokens-per-second', '50']);
  const body = hob.message(server.id, 'long 100');
  const res = await post(body);
  assert.equal(res.status, 200);
  const answer = await readAnswer(res);
  assert.equal(answer.cut, false);
  assert.equal(answer.error.state, 'interrupted');
  assert.equal(answer.error.error.code, 'engine_died');
  assert.equal(answer.error.error.retryable, false);
  assert.ok(answer.text.length > 10);
  assertContiguous(answer.ids);
  const { messages } = await conversation(body.conversation_id);
  assert.equal(messages[1].content, answer.text);
  assert.equal(messages[1].state, 'interrupted');
  assert.equal(messages[1].error.code, 'engine_died');

  const again = await until(
    async () => {
      const r = await post({ ...body, mode: 'retry' });
      if (r.status === 200) return r;
      await r.arrayBuffer();
      return null;
    },
    'the engine is back',
    { every: 100 }
  );
  assert.notEqual(again.headers.get('x-answer-id'), messages[1].id);
  await again.arrayBuffer();
  assert.equal((await conversation(body.conversation_id)).messages.length, 3);
});

test('a busy engine: 200 after 5 s with a comment about the place, then the answer', async () => {
  const server = await ready(['--slots', '1', '--tokens-per-second', '40']);
  const first = readAnswer(await post(hob.message(server.id, 'long 260')));
  const begun = performance.now();
  const res = await post(hob.message(server.id, 'echo second'));
  const waited = performance.now() - begun;
  assert.equal(res.status, 200);
  assert.ok(waited > 4500, `200 after ${waited} ms`);
  const answer = await readAnswer(res);
  assert.ok(answer.comments.includes('1 ahead of you'), answer.comments.join());
  assert.match(answer.text, /second/);
  assert.equal((await first).done.state, 'done');
});

test('when_ready waits for the engine, is answered without anybody watching, and can be stopped', async () => {
  const server = await hob.addDemo('outbox', ['--load-seconds', '1', ...FAST]);
  const body = { ...hob.message(server.id, 'echo later'), mode: 'when_ready' };
  const res = await post(body);
  assert.equal(res.status, 202);
  const { generation: queued } = await res.json();
  assert.equal(queued.state, 'queued');
  assert.equal((await post(body)).status, 202);
  const other = { ...hob.message(server.id, 'echo never'), mode: 'when_ready' };
  const { generation: unwanted } = await (await post(other)).json();
  assert.equal((await (await hob.post(`/api/generations/${unwanted.id}/stop`)).json()).generation.state, 'stopped');
  await until(async () => (await generation(queued.id)).state === 'done', 'it is answered', { every: 50 });
  const { messages } = await conversation(body.conversation_id);
  assert.equal(messages.length, 2);
  assert.match(messages[1].content, /later/);
  assert.equal((await hob.server('outbox')).engine.attempt, 1);
});

test('messages that were never answered are left out of the prompt', async () => {
  const server = await ready(['--tokens-per-second', '400']);
  const refusing = await ready(['--status', '500']);
  const conversation_id = randomUUID();
  const lost = hob.message(refusing.id, 'echo lost', { conversation_id });
  assert.equal((await post(lost)).status, 500);
  const next = hob.message(server.id, 'echo found', { conversation_id, parent_id: lost.message.id });
  const answer = await readAnswer(await post(next));
  assert.match(answer.text, /found/);
  assert.doesNotMatch(answer.text, /lost/);
});

test('events tell the owner of each state, and nobody has to ask', async () => {
  const server = await ready();
  const abort = new AbortController();
  const stream = await hob.request('/api/events', { signal: abort.signal });
  const states = [];
  const listening = (async () => {
    for await (const ev of events(stream)) {
      if (ev.event !== 'generation') continue;
      states.push(JSON.parse(ev.data).state);
      if (states.at(-1) === 'done') return;
    }
  })();
  await readAnswer(await post(hob.message(server.id, 'echo news')));
  await listening;
  abort.abort();
  assert.deepEqual(states, ['connecting', 'streaming', 'done']);
});

test('kill -9 of hob in mid-stream: the text up to the last flush is there, marked interrupted; the outbox goes on', async () => {
  const own = await Hob.start();
  const server = await own.addDemo('steady', ['--tokens-per-second', '50']);
  const slow = await own.addDemo('slow', ['--load-seconds', '30']);
  await own.startServer(server.id);
  const body = own.message(server.id, 'long 500');
  const res = await own.post('/api/chat/completions', body);
  const id = res.headers.get('x-generation-id');
  const waiting = own.message(slow.id, 'echo outbox');
  const queued = await own.post('/api/chat/completions', { ...waiting, mode: 'when_ready' });
  assert.equal(queued.status, 202);
  const outbox = (await queued.json()).generation;
  const seen = await readUntil(res, (s) => s.ids.length >= 40);
  const pids = (await own.get('/api/servers')).servers.map((s) => s.engine.pid).filter(Boolean);
  await own.kill();
  await until(async () => (await Promise.all(pids.map(isAlive))).every((a) => !a), 'the engines are gone', {
    ms: 3000
  });

  await own.run();
  const { messages, conversation: c } = await own.get(`/api/conversations/${body.conversation_id}`);
  assert.equal(c.generating, false);
  assert.equal(messages[1].state, 'interrupted');
  assert.equal(messages[1].error.retryable, false);
  const kept = messages[1].content;
  /* A flush is at most 200 ms old: 10 tokens, of about 6 letters, and what was under way. */
  assert.ok(kept.length >= seen.text.length - 150, `${kept.length} of ${seen.text.length}`);
  const all = await readAnswer(await own.request(`/api/generations/${id}/events`));
  assertContiguous(all.ids);
  assert.equal(all.text, kept);
  assert.equal(all.error.state, 'interrupted');
  /* A client that has seen events which were lost is told of the end all the same. */
  for (const beyond of [1, 2, 20]) {
    const last = all.ids.at(-1) + beyond;
    const rest = await own.request(`/api/generations/${id}/events`, { headers: { 'last-event-id': String(last) } });
    const { error, ids, text } = await readAnswer(rest);
    assert.equal(error?.state, 'interrupted', `${beyond} beyond`);
    assert.equal(text, '');
    assert.ok(ids[0] > last);
  }
  assert.equal((await own.get(`/api/generations/${outbox.id}`)).generation.state, 'queued');
  await own.untilState(slow.id, 'loading');

  const more = await until(
    async () => {
      const r = await own.post('/api/chat/completions', { ...body, mode: 'continue', options: { max_tokens: 5 } });
      if (r.status === 200) return r;
      await r.arrayBuffer();
      return null;
    },
    'the answer goes on',
    { every: 100 }
  );
  const added = await readAnswer(more);
  const end = (await own.get(`/api/conversations/${body.conversation_id}`)).messages;
  assert.equal(end[1].content, kept + added.text);
  await own.stop();
});
