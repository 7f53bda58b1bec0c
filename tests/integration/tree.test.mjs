// The tree of messages and the order of conversations, as a page sees them: branches, edits, the path that is shown.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { events, Hob, readAnswer, until } from '../lib/hob.mjs';

let hob, fast, slow;
before(async () => {
  hob = await Hob.start();
  fast = await hob.addDemo('fast', ['--tokens-per-second', '500']);
  slow = await hob.addDemo('slow', ['--tokens-per-second', '20']);
  await hob.startServer(fast.id);
  await hob.startServer(slow.id);
});
after(() => hob?.stop());

const post = (body) => hob.post('/api/chat/completions', body);
const read = (id) => hob.get(`/api/conversations/${id}`);
const leafOf = async (id) => (await read(id)).conversation.leaf_id;
const patch = (id, change) => hob.send('PATCH', `/api/conversations/${id}`, change);
const removeBranch = (id) => hob.request(`/api/messages/${id}?branch=true`, { method: 'DELETE' });

async function errorOf(res, status, code) {
  const { error } = await res.json();
  assert.equal(res.status, status, JSON.stringify(error));
  if (code !== undefined) assert.equal(error.code, code);
  return error;
}

/** Sends and waits for the answer; gives {conversation, message, answer, text}. */
async function say(text, more = {}, server = fast) {
  const body = hob.message(server.id, text, more);
  const res = await post(body);
  assert.equal(res.status, 200);
  const { text: said } = await readAnswer(res);
  return {
    conversation: body.conversation_id,
    message: body.message.id,
    answer: res.headers.get('x-answer-id'),
    text: said
  };
}
const sayAfter = (turn, text, more) =>
  say(text, { conversation_id: turn.conversation, parent_id: turn.answer, ...more });

/** Begins an answer that takes minutes; gives the ids once its text comes. */
async function begin(more = {}) {
  const body = hob.message(slow.id, `echo ${'word '.repeat(300)}`, more);
  const res = await post(body);
  assert.equal(res.status, 200);
  const feed = events(res);
  await feed.next();
  return {
    conversation: body.conversation_id,
    message: body.message.id,
    answer: res.headers.get('x-answer-id'),
    generation: res.headers.get('x-generation-id'),
    feed
  };
}

/** What an answer's stream ends with. */
async function endOf(feed) {
  for await (const ev of feed) if (ev.event === 'error' || ev.event === 'done') return JSON.parse(ev.data);
  return null;
}

const engineIsIdle = () =>
  until(async () => (await hob.get(`/api/servers/${slow.id}`)).server.engine.active === 0, 'the engine is let go');

describe('the path that is shown', () => {
  test('follows sending, answering again, editing and deleting', async () => {
    const first = await say('echo one');
    assert.equal(await leafOf(first.conversation), first.answer);
    const second = await sayAfter(first, 'echo two');
    assert.equal(await leafOf(first.conversation), second.answer);

    const again = await say('echo two', {
      conversation_id: first.conversation,
      id: second.message,
      parent_id: first.answer,
      mode: 'retry'
    });
    assert.equal(again.answer, second.answer, 'a finished answer is joined, not made again');

    const edited = await sayAfter(first, 'echo two, edited');
    assert.equal(await leafOf(first.conversation), edited.answer);
    assert.equal((await patch(first.conversation, { leaf_id: second.answer })).status, 200);
    assert.equal(await leafOf(first.conversation), second.answer);

    assert.equal((await removeBranch(second.message)).status, 204);
    assert.equal(await leafOf(first.conversation), first.answer);
    const { messages } = await read(first.conversation);
    assert.deepEqual(
      messages.map((m) => m.id),
      [first.message, first.answer, edited.message, edited.answer]
    );
  });

  test('is told to all screens with each change', async () => {
    const leave = new AbortController();
    const feed = events(await hob.request('/api/events', { signal: leave.signal }));
    const seen = [];
    const reading = (async () => {
      for await (const ev of feed) if (ev.event === 'conversation') seen.push(JSON.parse(ev.data));
    })().catch(() => undefined);
    const turn = await say('echo hello');
    const told = (leaf) =>
      until(() => seen.some((c) => c.id === turn.conversation && c.leaf_id === leaf), `screens hear of ${leaf}`);
    await told(turn.message);
    await told(turn.answer);
    await patch(turn.conversation, { leaf_id: turn.message });
    await until(() => seen.at(-1).leaf_id === turn.message, 'screens hear of the change');
    await removeBranch(turn.message);
    await told(null);
    leave.abort();
    await reading;
  });

  test('and what is deleted or changed is told to all screens, also where the path stays as it is', async () => {
    const turn = await say('echo hello');
    const other = randomUUID();
    await hob.post(`/api/messages/${turn.answer}/edit`, { id: other, content: 'better' });
    const leave = new AbortController();
    const feed = events(await hob.request('/api/events', { signal: leave.signal }));
    const waiting = randomUUID();
    const put = (content) =>
      hob.send('PUT', `/api/messages/${waiting}`, {
        conversation_id: turn.conversation,
        parent_id: other,
        content,
        server: slow.id,
        state: 'queued'
      });
    assert.equal((await put('old')).status, 201);
    assert.equal((await put('new')).status, 200);
    assert.equal((await hob.request(`/api/messages/${waiting}`, { method: 'DELETE' })).status, 204);
    assert.equal((await removeBranch(turn.answer)).status, 204);
    const seen = [];
    for await (const { event, data } of feed) {
      if (event.startsWith('message_')) seen.push([event, JSON.parse(data)]);
      if (event === 'message_removed') break;
    }
    leave.abort();
    assert.deepEqual(seen, [
      ['message_changed', { id: waiting }],
      ['message_changed', { id: waiting }],
      ['message_removed', { id: turn.answer }]
    ]);
    assert.equal(await leafOf(turn.conversation), other);
  });

  test('is a message of the conversation, else nothing changes', async () => {
    const turn = await say('echo one');
    const other = await say('echo other');
    for (const leaf_id of [other.answer, randomUUID(), 'x'])
      assert.equal((await errorOf(await patch(turn.conversation, { leaf_id, title: 'T' }), 400)).param, 'leaf_id');
    const { conversation } = await read(turn.conversation);
    assert.equal(conversation.leaf_id, turn.answer);
    assert.notEqual(conversation.title, 'T');
  });
});

describe('another answer', () => {
  /** A message whose answer was stopped can be answered again. */
  async function stopped() {
    const turn = await begin();
    assert.equal((await hob.post(`/api/generations/${turn.generation}/stop`)).status, 200);
    await endOf(turn.feed);
    return turn;
  }

  test('is a sibling and is shown; deleting both leaves the message unanswered', async () => {
    const turn = await stopped();
    const retry = { conversation_id: turn.conversation, id: turn.message, mode: 'retry' };
    const again = await say('echo anew', retry);
    assert.notEqual(again.answer, turn.answer);
    const { conversation, messages } = await read(turn.conversation);
    assert.equal(conversation.leaf_id, again.answer);
    assert.deepEqual(
      messages.filter((m) => m.parent_id === turn.message).map((m) => m.id),
      [turn.answer, again.answer]
    );
    assert.equal((await removeBranch(again.answer)).status, 204);
    assert.equal((await read(turn.conversation)).messages[0].state, 'answered');
    assert.equal((await removeBranch(turn.answer)).status, 204);
    const [left, ...none] = (await read(turn.conversation)).messages;
    assert.deepEqual([left.state, left.error, left.generation_id, none.length], ['pending', null, null, 0]);
    assert.match((await say('echo third', { ...retry, mode: 'send' })).text, /third|word/);
  });

  test('can be written by the user', async () => {
    const turn = await say('echo one');
    const below = await sayAfter(turn, 'echo two');
    const id = randomUUID();
    const edit = (body) => hob.post(`/api/messages/${turn.answer}/edit`, body);
    const res = await edit({ id, content: 'better **words**' });
    assert.equal(res.status, 201);
    const { message } = await res.json();
    assert.deepEqual(
      [message.parent_id, message.role, message.state, message.content, message.generation_id],
      [turn.message, 'assistant', 'done', 'better **words**', null]
    );
    assert.equal(await leafOf(turn.conversation), id);
    const repeated = await edit({ id, content: 'something else' });
    assert.equal(repeated.status, 200);
    assert.equal((await repeated.json()).message.content, 'better **words**');
    assert.equal((await read(turn.conversation)).messages.length, 5);

    const next = await say('what did you say?', { conversation_id: turn.conversation, parent_id: id });
    assert.equal(await leafOf(turn.conversation), next.answer);
    assert.ok(
      (await read(turn.conversation)).messages.some((m) => m.id === below.answer),
      'the other branch stays'
    );
  });

  test('is refused where there is none to edit', async () => {
    const turn = await say('echo one');
    const running = await begin({ conversation_id: turn.conversation, parent_id: turn.answer });
    const edit = (at, body) => hob.post(`/api/messages/${at}/edit`, body);
    const good = { id: randomUUID(), content: 'x' };
    await errorOf(await edit(turn.message, good), 409, 'not_an_answer');
    const refused = await errorOf(await edit(running.answer, good), 409, 'not_an_answer');
    assert.equal(refused.message, 'Only an answer that has ended can be edited');
    await errorOf(await edit(turn.answer, { ...good, id: running.message }), 409, 'conversation_mismatch');
    await errorOf(await edit(turn.answer, { ...good, id: turn.answer }), 409, 'conversation_mismatch');
    await errorOf(await edit(randomUUID(), good), 404);
    assert.equal((await errorOf(await edit(turn.answer, { ...good, content: '' }), 400)).param, 'content');
    assert.equal((await errorOf(await edit(turn.answer, { ...good, id: 'x' }), 400)).param, 'id');
    await hob.post(`/api/generations/${running.generation}/stop`);
  });
});

describe('deleting a branch', () => {
  test('with an answer under way ends it without a trace', async () => {
    const first = await say('echo one');
    const running = await begin({ conversation_id: first.conversation, parent_id: first.answer });
    const deep = await begin({ conversation_id: first.conversation, parent_id: running.message });
    assert.equal((await removeBranch(running.message)).status, 204);
    for (const { feed } of [running, deep]) {
      const { state, error } = await endOf(feed);
      assert.deepEqual([state, error.code, error.retryable], ['failed', 'message_removed', false]);
    }
    await engineIsIdle();
    for (const { generation } of [running, deep])
      await errorOf(await hob.request(`/api/generations/${generation}`), 404, 'generation_not_found');
    const { conversation, messages } = await read(first.conversation);
    assert.deepEqual(
      messages.map((m) => m.id),
      [first.message, first.answer]
    );
    assert.equal(conversation.generating, false);
    assert.equal(conversation.leaf_id, first.answer);
    assert.match((await sayAfter(first, 'echo on we go')).text, /on we go/);
  });

  test('again and again at any moment of an answer leaves nothing behind', async () => {
    const first = await say('echo one');
    for (let i = 0; i < 12; i++) {
      const body = hob.message(fast.id, `echo ${'word '.repeat(i * 8)}`, {
        conversation_id: first.conversation,
        parent_id: first.answer
      });
      const answered = post(body).then((res) => res.text());
      await new Promise((resolve) => setTimeout(resolve, i * 7));
      await until(async () => (await removeBranch(body.message.id)).status === 204, 'it was there', { every: 2 });
      await answered;
    }
    const { conversation, messages } = await read(first.conversation);
    assert.deepEqual([messages.length, conversation.generating, conversation.leaf_id], [2, false, first.answer]);
    assert.doesNotMatch(hob.log, /not stored/);
  });

  test('takes what waits in the outbox with it', async () => {
    const loading = await hob.addDemo('loading', ['--load-seconds', '60']);
    const body = hob.message(loading.id, 'echo later', { mode: 'when_ready' });
    const res = await post(body);
    assert.equal(res.status, 202);
    const { generation } = await res.json();
    assert.equal((await removeBranch(generation.answer_id)).status, 204);
    await errorOf(await hob.request(`/api/generations/${generation.id}`), 404);
    const { conversation, messages } = await read(body.conversation_id);
    assert.deepEqual([conversation.generating, messages.length, messages[0].state], [false, 1, 'pending']);
    await hob.request(`/api/servers/${loading.id}`, { method: 'DELETE' });
  });

  test('needs to be asked for', async () => {
    const turn = await say('echo one');
    const remove = (query) => hob.request(`/api/messages/${turn.message}${query}`, { method: 'DELETE' });
    await errorOf(await remove(''), 409, 'already_answered');
    assert.equal((await errorOf(await remove('?branch=yes'), 400)).param, 'branch');
    await errorOf(await removeBranch(randomUUID()), 404);
    assert.equal((await read(turn.conversation)).messages.length, 2);
  });
});

describe('settings', () => {
  const settings = { options: { temperature: 0.5, stop: ['END'] }, system_prompt: 'Be brief.' };

  test('come with the message that makes the conversation, and are changed one by one', async () => {
    const turn = await say('echo one', { settings });
    assert.deepEqual((await read(turn.conversation)).settings, settings);
    await sayAfter(turn, 'echo two', { settings: { options: { seed: 1 }, system_prompt: 'Be long.' } });
    assert.deepEqual((await read(turn.conversation)).settings, settings, 'later ones are ignored');
    const res = await patch(turn.conversation, { options: { top_k: 40 } });
    assert.deepEqual((await res.json()).settings, { options: { top_k: 40 }, system_prompt: 'Be brief.' });
    const none = await patch(turn.conversation, { options: {}, system_prompt: null });
    assert.deepEqual((await none.json()).settings, { options: {}, system_prompt: null });
  });

  test('are checked', async () => {
    for (const [bad, param] of [
      [{ options: { temperature: 9 } }, 'options'],
      [{ options: { shell: 'rm' } }, 'options'],
      [{ options: 'hot' }, 'options'],
      [{ system_prompt: 5 }, 'system_prompt'],
      [{ system_prompt: 'x'.repeat(32769) }, 'system_prompt']
    ]) {
      const body = hob.message(fast.id, 'echo one', { settings: bad });
      assert.equal((await errorOf(await post(body), 400)).param, 'settings', JSON.stringify(bad).slice(0, 60));
      await errorOf(await hob.request(`/api/conversations/${body.conversation_id}`), 404);
      const turn = await say('echo one');
      assert.equal((await errorOf(await patch(turn.conversation, bad), 400)).param, param);
    }
    const turn = await say('echo one', { settings: { system_prompt: '\u00e9'.repeat(32768) } });
    assert.equal((await read(turn.conversation)).settings.system_prompt.length, 32768);
  });
});

describe('order', () => {
  /** Conversations that nobody answered: cheap. Gives their ids. */
  async function some(n) {
    const ids = Array.from({ length: n }, () => randomUUID());
    for (const conversation_id of ids)
      await hob.send('PUT', `/api/messages/${randomUUID()}`, { conversation_id, content: 'later', server: fast.id });
    return ids;
  }
  const listed = async (ids) => {
    const { conversations } = await hob.get('/api/conversations');
    return conversations.filter((c) => ids.includes(c.id));
  };
  const folder = async (name) => (await (await hob.post('/api/folders', { name })).json()).folder;
  const bulk = (body) => hob.post('/api/conversations/bulk', body);

  test("a title by the user is the user's; pins and the archive do not move a conversation", async () => {
    const [a, b] = await some(2);
    assert.equal((await listed([a]))[0].titled_by, 'message');
    const res = await patch(a, { title: 'Bread', pinned: true, archived: true });
    const { conversation } = await res.json();
    assert.deepEqual(
      [conversation.title, conversation.titled_by, conversation.pinned, conversation.archived],
      ['Bread', 'user', true, true]
    );
    assert.deepEqual(
      (await listed([a, b])).map((c) => c.id),
      [b, a]
    );
    for (const [bad, param] of [
      [{ title: '\u00e9'.repeat(201) }, 'title'],
      [{ pinned: 'yes' }, 'pinned'],
      [{ archived: 1 }, 'archived'],
      [{ folder_id: 'x' }, 'folder_id'],
      [{ folder_id: randomUUID() }, 'folder_id']
    ])
      assert.equal((await errorOf(await patch(a, bad), 400)).param, param);
    assert.equal((await patch(a, { title: '\u00e9'.repeat(200) })).status, 200);
  });

  test('a new message brings a conversation back from the archive', async () => {
    const turn = await say('echo one');
    await patch(turn.conversation, { archived: true });
    assert.equal((await read(turn.conversation)).conversation.archived, true);
    await sayAfter(turn, 'echo two');
    assert.equal((await read(turn.conversation)).conversation.archived, false);
  });

  test('folders: made, renamed, filled, removed; names are unique', async () => {
    const [a] = await some(1);
    const recipes = await folder('  Recipes ');
    assert.equal(recipes.name, 'Recipes');
    await folder('apples');
    await errorOf(await hob.post('/api/folders', { name: 'RECIPES' }), 409);
    for (const name of ['', '  ', 'x'.repeat(101), 5])
      assert.equal((await errorOf(await hob.post('/api/folders', { name }), 400)).param, 'name');
    const renamed = await hob.send('PATCH', `/api/folders/${recipes.id}`, { name: 'Baking' });
    assert.deepEqual(await renamed.json(), { folder: { ...recipes, name: 'Baking' } });
    assert.deepEqual(
      (await hob.get('/api/folders')).folders.map((f) => f.name),
      ['apples', 'Baking']
    );
    await patch(a, { folder_id: recipes.id });
    assert.equal((await listed([a]))[0].folder_id, recipes.id);
    assert.equal((await hob.request(`/api/folders/${recipes.id}`, { method: 'DELETE' })).status, 204);
    assert.equal((await listed([a]))[0].folder_id, null);
    for (const [method, body] of [['PATCH', { name: 'x' }], ['DELETE']])
      await errorOf(await hob.send(method, `/api/folders/${recipes.id}`, body), 404, 'folder_not_found');
  });

  test('all screens hear of folders', async () => {
    const leave = new AbortController();
    const feed = events(await hob.request('/api/events', { signal: leave.signal }));
    const made = await folder('heard');
    await hob.send('PATCH', `/api/folders/${made.id}`, { name: 'heard of' });
    await hob.request(`/api/folders/${made.id}`, { method: 'DELETE' });
    const seen = [];
    for await (const { event, data } of feed) {
      if (event.startsWith('folder')) seen.push([event, JSON.parse(data)]);
      if (event === 'folder_removed') break;
    }
    leave.abort();
    assert.deepEqual(seen, [
      ['folder', made],
      ['folder', { ...made, name: 'heard of' }],
      ['folder_removed', { id: made.id }]
    ]);
  });

  test('many are changed in one go, and what is not there is passed over', async () => {
    const ids = await some(3);
    const { id: folder_id } = await folder('many');
    const res = await bulk({ ids: [...ids, ids[0], randomUUID()], set: { pinned: true, folder_id } });
    assert.deepEqual(await res.json(), { n: 3 });
    assert.ok((await listed(ids)).every((c) => c.pinned && c.folder_id === folder_id && !c.archived));
    await bulk({ ids: ids.slice(1), set: { archived: true, folder_id: null } });
    assert.deepEqual(
      (await listed(ids)).map((c) => [c.archived, c.folder_id, c.pinned]),
      [
        [true, null, true],
        [true, null, true],
        [false, folder_id, true]
      ]
    );
  });

  test('many are deleted in one go, with the answers that are written there', async () => {
    const ids = await some(2);
    const running = await begin();
    const leave = new AbortController();
    const feed = events(await hob.request('/api/events', { signal: leave.signal }));
    const res = await bulk({ ids: [...ids, running.conversation], delete: true });
    assert.deepEqual(await res.json(), { n: 3 });
    const { error } = await endOf(running.feed);
    assert.equal(error.code, 'conversation_removed');
    await engineIsIdle();
    const gone = new Set();
    for await (const ev of feed) {
      if (ev.event === 'conversation_removed') gone.add(JSON.parse(ev.data).id);
      if (gone.size === 3) break;
    }
    leave.abort();
    assert.deepEqual([...gone].sort(), [...ids, running.conversation].sort());
    assert.deepEqual(await listed([...ids, running.conversation]), []);
    assert.deepEqual(await (await bulk({ ids, delete: true })).json(), { n: 0 });
  });

  test('a request for many is checked as a whole', async () => {
    const ids = await some(1);
    for (const [body, param] of [
      [{ set: { pinned: true } }, 'ids'],
      [{ ids: [], set: { pinned: true } }, 'ids'],
      [{ ids: ['x'], set: { pinned: true } }, 'ids'],
      [{ ids: Array.from({ length: 1001 }, () => ids[0]), set: { pinned: true } }, 'ids'],
      [{ ids }, 'set'],
      [{ ids, set: { pinned: true }, delete: true }, 'set'],
      [{ ids, delete: false }, 'set'],
      [{ ids, set: {} }, 'set'],
      [{ ids, set: { title: 'T' } }, 'set'],
      [{ ids, set: { pinned: true, folder_id: randomUUID() } }, 'folder_id']
    ])
      assert.equal((await errorOf(await bulk(body), 400)).param, param, JSON.stringify(body).slice(0, 80));
    assert.equal((await listed(ids))[0].pinned, false);
    const full = Array.from({ length: 1000 }, () => randomUUID());
    assert.deepEqual(await (await bulk({ ids: full, set: { pinned: true } })).json(), { n: 0 });
  });

  test('what was acknowledged is there after kill -9', async () => {
    const own = await Hob.start();
    const server = (await own.server('demo')).id;
    const ids = [randomUUID(), randomUUID(), randomUUID()];
    for (const conversation_id of ids)
      await own.send('PUT', `/api/messages/${randomUUID()}`, { conversation_id, content: 'later', server });
    await own.send('PATCH', `/api/conversations/${ids[0]}`, { title: 'Kept', options: { seed: 7 } });
    await own.post('/api/conversations/bulk', { ids: ids.slice(0, 2), set: { pinned: true } });
    await own.post('/api/conversations/bulk', { ids: [ids[2]], delete: true });
    const { folder: kept } = await (await own.post('/api/folders', { name: 'Kept' })).json();
    await own.kill();
    await own.run();
    const { conversations } = await own.get('/api/conversations');
    assert.deepEqual(
      conversations.map((c) => [c.id, c.pinned]).sort(),
      [
        [ids[0], true],
        [ids[1], true]
      ].sort()
    );
    const { conversation, settings } = await own.get(`/api/conversations/${ids[0]}`);
    assert.deepEqual([conversation.title, settings.options], ['Kept', { seed: 7 }]);
    assert.deepEqual((await own.get('/api/folders')).folders, [kept]);
    await own.stop();
  });
});

test('another answer is made beside a whole one, once, however often it is asked for', async () => {
  const server = await hob.addDemo('again', ['--tokens-per-second', '400']);
  await hob.startServer(server.id);
  const body = hob.message(server.id, 'echo once more');
  const send = async (more = {}) => {
    const res = await hob.post('/api/chat/completions', { ...body, ...more });
    assert.equal(res.status, 200);
    const id = { generation: res.headers.get('x-generation-id'), answer: res.headers.get('x-answer-id') };
    assert.equal((await readAnswer(res)).text.trim(), 'once more');
    return id;
  };
  const first = await send();
  assert.deepEqual(await send({ mode: 'retry' }), first, 'a plain retry finds the whole answer');
  const asked = { mode: 'retry', instead_of: first.generation };
  const second = await send(asked);
  assert.notEqual(second.answer, first.answer);
  assert.deepEqual(await send(asked), second, 'the same request again joins it');
  const { conversation, messages } = await hob.get(`/api/conversations/${body.conversation_id}`);
  assert.deepEqual(
    messages.filter((m) => m.role === 'assistant').map((m) => [m.id, m.parent_id]),
    [
      [first.answer, body.message.id],
      [second.answer, body.message.id]
    ]
  );
  assert.equal(conversation.leaf_id, second.answer);
});
