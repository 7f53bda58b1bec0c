// Titles that a model makes after the first exchange: when, and when not.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Hob, readAnswer, until } from '../lib/hob.mjs';

const ENGINE = new URL('../lib/fake_engine.mjs', import.meta.url).pathname;
const TITLED = { titles: 'model' };
let hob;
let n = 0;

before(async () => {
  hob = await Hob.start(TITLED);
});
after(() => hob?.stop());

/** A server with the fake engine; gives it with the requests for titles and what else it printed. */
async function fakeServer() {
  const body = { name: `fake${++n}`, kind: 'command', command: [process.execPath, ENGINE, '${PORT}'] };
  const res = await hob.post('/api/servers', body);
  assert.equal(res.status, 201);
  const { server } = await res.json();
  await hob.startServer(server.id);
  const lines = async () => (await hob.get(`/api/servers/${server.id}/log`)).lines.map((l) => l.text);
  return {
    id: server.id,
    lines,
    asked: async () =>
      (await lines()).filter((l) => l.startsWith('asked for a title: ')).map((l) => JSON.parse(l.slice(19)))
  };
}

async function chat(server, content, more = {}) {
  const body = hob.message(server.id, content, more);
  const res = await hob.post('/api/chat/completions', body);
  assert.equal(res.status, 200);
  const answer = await readAnswer(res);
  return { conversation: body.conversation_id, answer: res.headers.get('x-answer-id'), text: answer.text };
}

const read = async (id) => (await hob.get(`/api/conversations/${id}`)).conversation;
const untilTitled = (id, title) =>
  until(async () => (await read(id)).title === title, `the title is ${title}`, { ms: 30000, every: 100 });

describe('a title', () => {
  test('comes from the model when the engine has had peace', async () => {
    const server = await fakeServer();
    const { conversation } = await chat(server, 'titled say **Title:** "Cats at sea."');
    assert.equal((await read(conversation)).titled_by, 'message');
    assert.equal((await server.asked()).length, 0); // not at once
    await untilTitled(conversation, 'Cats at sea');
    assert.equal((await read(conversation)).titled_by, 'model');
    const [asked, ...more] = await server.asked();
    assert.equal(more.length, 0);
    assert.deepEqual(
      asked.messages.map((m) => m.role),
      ['user', 'assistant', 'user']
    );
    assert.equal(asked.messages[1].content, 'fine');
    assert.deepEqual(asked.chat_template_kwargs, { enable_thinking: false });
    assert.ok(asked.max_tokens <= 100 && asked.stream === true);
    await chat(server, 'titled say Something else', { conversation_id: conversation });
    assert.equal((await read(conversation)).title, 'Cats at sea');
  });

  test('is not asked for while somebody needs the engine, and gives way at once', async () => {
    const server = await fakeServer();
    const { conversation } = await chat(server, 'titled hang');
    await until(async () => (await server.asked()).length === 1, 'the engine is asked', { every: 100 });
    const begin = performance.now();
    await chat(server, 'titled say B');
    await until(async () => (await server.lines()).some((l) => l.includes('client gone')), 'the title gave way');
    assert.ok(performance.now() - begin < 10000);
    assert.equal((await read(conversation)).titled_by, 'message');
    const { engine } = (await hob.get(`/api/servers/${server.id}`)).server;
    assert.equal(engine.active, 0);
  });

  test("is the user's when the user is faster", async () => {
    const server = await fakeServer();
    const { conversation } = await chat(server, 'titled say Model');
    await hob.send('PATCH', `/api/conversations/${conversation}`, { title: 'Mine' });
    const other = await chat(server, 'titled say Other');
    await untilTitled(other.conversation, 'Other');
    const { title, titled_by } = await read(conversation);
    assert.deepEqual([title, titled_by], ['Mine', 'user']);
    assert.equal((await server.asked()).length, 1);
  });

  test('stays what it is when the model has none', async () => {
    const server = await fakeServer();
    const bad = [];
    for (const act of [
      'say <think>hm',
      'say ***',
      'long This was cut',
      'status 500 {"error":{"message":"no"}}',
      'status 400 {}'
    ])
      bad.push((await chat(server, `titled ${act}`)).conversation);
    const good = await chat(server, 'titled say Good one');
    await untilTitled(good.conversation, 'Good one');
    for (const id of bad) assert.equal((await read(id)).titled_by, 'message');
    assert.equal((await server.asked()).length, bad.length + 1);
  });

  test('is not asked for after an answer that broke off', async () => {
    const server = await fakeServer();
    const cut = await chat(server, 'early half');
    const good = await chat(server, 'titled say After it');
    await untilTitled(good.conversation, 'After it');
    assert.equal((await read(cut.conversation)).titled_by, 'message');
    assert.equal((await server.asked()).length, 1);
  });

  test('starts no engine and survives a kill', async () => {
    const server = await fakeServer();
    const { conversation } = await chat(server, 'titled say Too late');
    await hob.post(`/api/servers/${server.id}/stop`);
    await hob.untilState(server.id, 'stopped');
    await sleep(3000);
    assert.equal((await hob.get(`/api/servers/${server.id}`)).server.engine.state, 'stopped');
    await hob.kill();
    await hob.run(TITLED);
    await hob.logIn();
    assert.equal((await read(conversation)).titled_by, 'message');
    await hob.startServer(server.id);
    const next = await chat(server, 'titled say Next');
    await untilTitled(next.conversation, 'Next');
    assert.equal((await read(conversation)).titled_by, 'message');
  });

  test('of the demo is short', async () => {
    const demo = await hob.addDemo('demo2', ['--tokens-per-second', '0']);
    await hob.startServer(demo.id);
    const { conversation } = await chat(demo, 'what does attempt 1/3 mean, and why does it wait?');
    await untilTitled(conversation, 'What does attempt 1/3 mean');
  });
});

test('with titles: message nobody is asked', async () => {
  const plain = await Hob.start();
  const { id } = await plain.addDemo('fast', ['--tokens-per-second', '0']);
  await plain.startServer(id);
  const body = plain.message(id, 'echo one');
  await readAnswer(await plain.post('/api/chat/completions', body));
  await sleep(3500);
  const { conversation } = await plain.get(`/api/conversations/${body.conversation_id}`);
  assert.equal(conversation.titled_by, 'message');
  await plain.stop();
});
