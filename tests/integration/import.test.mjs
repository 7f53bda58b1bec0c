// POST /api/import: what an export wrote comes in whole or not at all.
import assert from 'node:assert/strict';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { events, Hob, until } from '../lib/hob.mjs';

const T = 1_700_000_000_000;
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

const folder = (name, more = {}) => ({ type: 'folder', id: randomUUID(), name, created_at: T, ...more });
const attachment = (bytes, more = {}) => ({
  type: 'attachment',
  id: randomUUID(),
  name: 'notes.txt',
  mime: 'text/plain',
  sha256: sha256(bytes),
  created_at: T,
  data: Buffer.from(bytes).toString('base64'),
  ...more
});
const conversation = (more = {}) => ({
  type: 'conversation',
  id: randomUUID(),
  title: 'An old talk',
  titled_by: 'user',
  server_id: null,
  created_at: T,
  updated_at: T + 5,
  pinned: false,
  archived: false,
  folder_id: null,
  leaf_id: null,
  options: null,
  system_prompt: null,
  ...more
});
const message = (c, parent, content, more = {}) => ({
  type: 'message',
  id: randomUUID(),
  conversation_id: c.id,
  parent_id: parent?.id ?? null,
  role: parent?.role === 'user' ? 'assistant' : 'user',
  state: parent?.role === 'user' ? 'done' : 'answered',
  content,
  reasoning: null,
  tool_calls: null,
  server_id: null,
  created_at: T,
  ...more
});
const generation = (question, answer, more = {}) => ({
  type: 'generation',
  id: randomUUID(),
  conversation_id: question.conversation_id,
  message_id: question.id,
  answer_id: answer.id,
  server_id: null,
  state: 'done',
  options: { temperature: 0.5 },
  error: null,
  meta: { model: 'm', finish_reason: 'stop', prompt_tokens: 3, tokens_per_s: 12.5 },
  continues: false,
  created_at: T,
  finished_at: T + 9,
  ...more
});
const file = (items, more = {}) => JSON.stringify({ format: 'hob', version: 1, exported_at: T, ...more, items });

/** A talk with everything: {items, and each of them by name}. */
function talk(more = {}) {
  const f = folder('Work');
  const a = attachment(`some notes ${randomUUID()}`);
  const c = conversation({ folder_id: f.id, pinned: true, options: { top_k: 7 }, system_prompt: 'Be brief.', ...more });
  const q = message(c, null, [
    { type: 'text', text: 'what is in it?' },
    { type: 'file', file: { id: a.id, name: 'notes.txt', original_id: a.id } }
  ]);
  const r = message(c, q, 'Notes.', {
    reasoning: 'hm',
    tool_calls: [{ id: 'x', type: 'function', function: { name: 'look', arguments: '{}' } }]
  });
  const g = generation(q, r);
  const r2 = message(c, q, 'Other notes.');
  c.leaf_id = r.id;
  return { f, a, c, q, r, g, r2, items: [f, a, c, q, r, g, r2] };
}

const importing = async (hob, body, headers = {}) => {
  const res = await hob.request('/api/import', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
    ...(typeof body === 'string' ? {} : { duplex: 'half' })
  });
  return { status: res.status, ...(await res.json()) };
};

/** All that a user sees, to be compared. */
async function everything(hob) {
  const { conversations } = await hob.get('/api/conversations');
  const { folders } = await hob.get('/api/folders');
  return { conversations, folders };
}

/** An account that the admin has approved, as a client of its own. */
async function otherUser(hob, name) {
  const login = { name, password: `password of ${name}` };
  assert.equal((await hob.post('/api/signup', login)).status, 202);
  const { users } = await hob.get('/api/users');
  const { id } = users.find((u) => u.name === name);
  assert.equal((await hob.post(`/api/users/${id}/approve`)).status, 200);
  const other = Object.assign(new Hob(hob.dir), { url: hob.url, port: hob.port, id });
  await other.logIn(login);
  return other;
}

/** A request whose body is written by hand; hob waits for it. */
async function openImport(hob, headers = {}) {
  const req = http.request(`${hob.url}/api/import`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', cookie: hob.cookie, expect: '100-continue', ...headers }
  });
  req.answer = new Promise((resolve) => {
    req.on('response', async (res) => {
      let text = '';
      for await (const part of res) text += part;
      resolve({ status: res.statusCode, ...JSON.parse(text) });
    });
    req.on('error', (e) => resolve({ error: e }));
  });
  req.flushHeaders();
  await Promise.race([new Promise((resolve) => req.on('continue', resolve)), req.answer]);
  return req;
}

describe('import', () => {
  let hob;
  before(async () => {
    hob = await Hob.start();
  });
  after(() => hob?.stop());

  test('a talk with a folder, a file, settings and figures is there as it was', async () => {
    const t = talk();
    const done = await importing(hob, file(t.items));
    assert.deepEqual(done, { status: 200, conversations: 1, messages: 3, attachments: 1, folders: 1, skipped: 0 });
    const { conversation: c, messages, settings } = await hob.get(`/api/conversations/${t.c.id}`);
    assert.equal(c.title, t.c.title);
    assert.equal(c.folder_id, t.f.id);
    assert.equal(c.leaf_id, t.r.id);
    assert.equal(c.updated_at, T + 5);
    assert.ok(c.pinned && !c.archived && !c.generating);
    assert.deepEqual(settings, { options: { top_k: 7 }, system_prompt: 'Be brief.' });
    assert.deepEqual(
      messages.map((m) => [m.id, m.parent_id, m.state, m.content]),
      [
        [t.q.id, null, 'answered', t.q.content],
        [t.r.id, t.q.id, 'done', 'Notes.'],
        [t.r2.id, t.q.id, 'done', 'Other notes.']
      ]
    );
    assert.equal(messages[1].reasoning, 'hm');
    assert.deepEqual(messages[1].tool_calls, t.r.tool_calls);
    assert.deepEqual(messages[1].options, { temperature: 0.5 });
    assert.deepEqual(messages[1].meta, {
      model: 'm',
      prompt_tokens: 3,
      completion_tokens: null,
      tokens_per_s: 12.5,
      ttft_ms: null,
      reasoning_ms: null,
      total_ms: null,
      finish_reason: 'stop'
    });
    const kept = await hob.request(`/api/attachments/${t.a.id}`);
    assert.equal(sha256(Buffer.from(await kept.arrayBuffer())), t.a.sha256);
    const { hits: results } = await hob.get('/api/search?q=%22Other%20notes%22');
    assert.equal(results.length, 1);
  });

  test('the same file again is skipped, and its folder is the one of that name', async () => {
    const t = talk();
    assert.equal((await importing(hob, file(t.items))).folders, 0); // "Work" is there
    const before = await everything(hob);
    const again = await importing(hob, file(t.items));
    assert.deepEqual(again, { status: 200, conversations: 0, messages: 0, attachments: 0, folders: 0, skipped: 1 });
    assert.deepEqual(await everything(hob), before);
    const mine = before.conversations.find((c) => c.id === t.c.id);
    assert.equal(mine.folder_id, before.folders.find((f) => f.name === 'Work').id);
  });

  test('any spacing, a byte order mark and unknown keys are fine', async () => {
    const c = conversation({ colour: 'blue' });
    const text = JSON.stringify(
      { extra: { a: [1, '}'] }, items: [c], version: 1, more: null, format: 'hob' },
      null,
      '\t'
    );
    const done = await importing(hob, `\ufeff\r\n${text}\r\n\n`);
    assert.equal(done.status, 200, JSON.stringify(done));
    assert.equal(done.conversations, 1);
  });

  test('another user gets ids of their own, twice the same, and what they name works', async () => {
    const t = talk();
    assert.equal((await importing(hob, file(t.items))).status, 200);
    const other = await otherUser(hob, 'grace');
    const done = await importing(other, file(t.items));
    assert.deepEqual(done, { status: 200, conversations: 1, messages: 3, attachments: 1, folders: 1, skipped: 0 });
    assert.equal((await importing(other, file(t.items))).skipped, 1);
    const { conversations } = await other.get('/api/conversations');
    assert.equal(conversations.length, 1);
    assert.notEqual(conversations[0].id, t.c.id);
    const { conversation: c, messages } = await other.get(`/api/conversations/${conversations[0].id}`);
    const ids = new Set([t.q.id, t.r.id, t.r2.id]);
    assert.ok(messages.every((m) => !ids.has(m.id)));
    assert.equal(messages[1].parent_id, messages[0].id);
    assert.equal(c.leaf_id, messages[1].id);
    const { id, original_id } = messages[0].content[1].file;
    assert.equal(id, original_id);
    assert.notEqual(id, t.a.id);
    const kept = await other.request(`/api/attachments/${id}`);
    assert.equal(sha256(Buffer.from(await kept.arrayBuffer())), t.a.sha256);
    const demo = await hob.server('demo');
    await hob.startServer(demo.id);
    const sent = await other.post(
      '/api/chat/completions',
      other.message(demo.id, 'echo still here', { conversation_id: c.id, parent_id: messages[1].id })
    );
    assert.equal(sent.status, 200);
    assert.match(await sent.text(), /\[DONE\]/);
  });

  test('what waited or was being written waits for nobody here', async () => {
    const c = conversation();
    const q = message(c, null, 'one', { state: 'answered' });
    const r = message(c, q, 'half', { state: 'streaming' });
    const g = generation(q, r, { state: 'streaming', finished_at: 0 });
    const q2 = message(c, r, 'two', { state: 'queued' });
    assert.equal((await importing(hob, file([c, q, r, g, q2]))).status, 200);
    const { conversation: now, messages } = await hob.get(`/api/conversations/${c.id}`);
    assert.equal(now.generating, false);
    assert.deepEqual(
      messages.map((m) => m.state),
      ['answered', 'interrupted', 'pending']
    );
  });

  test('a server is known by its id or its name', async () => {
    const demo = await hob.server('demo');
    const [a, b, n] = [
      conversation({ server_id: demo.id }),
      conversation({ server_id: randomUUID(), server_name: 'DEMO' }),
      conversation({ server_id: randomUUID(), server_name: 'nowhere' })
    ];
    assert.equal((await importing(hob, file([a, b, n]))).conversations, 3);
    for (const [c, want] of [
      [a, demo.id],
      [b, demo.id],
      [n, null]
    ])
      assert.equal((await hob.get(`/api/conversations/${c.id}`)).conversation.server_id, want);
  });

  test('an import of a user is the only one at a time', async () => {
    const first = await openImport(hob);
    first.write('{"format":"hob","version":1,');
    const second = await importing(hob, file([conversation()]));
    assert.equal(second.status, 409);
    assert.equal(second.error.code, 'import_running');
    assert.match(second.error.message, /under way\. Wait for its end, then import again\.$/);
    first.end('"items":[]}');
    assert.equal((await first.answer).status, 200);
  });
});

// Each: [what, file (a string, or items), what the message says]. What is before the fault must be gone with it.
const [F, A, C] = [folder('Lost'), attachment('lost words'), conversation({ title: 'Lost' })];
const Q = message(C, null, 'lost question');
const R = message(C, Q, 'lost answer');
const OK = [F, A, C, Q, R];
const without = (item, key) => Object.fromEntries(Object.entries(item).filter(([k]) => k !== key));
const BAD = [
  ['nothing', '', /Line 1, column 1: The file is empty/],
  ['blanks', ' \n\n ', /Line 3, column 2: The file is empty/],
  ['no object', '[]', /Line 1, column 1: .*begin with \{/],
  ['text', 'hello', /Line 1, column 1/],
  ['another format', file(OK, { format: 'webui' }), /"format" must be "hob"/],
  ['another version', file(OK, { version: 2 }), /version 1 only/],
  ['no format', `{"version":1,"items":[]}`, /"format" is missing/],
  ['no version', `{"format":"hob","items":[]}`, /"version" is missing/],
  ['no items', `{"format":"hob","version":1}`, /"items" is missing/],
  ['items twice', `{"format":"hob","version":1,"items":[],"items":[]}`, /column \d+: "items" is there twice/],
  ['items of another kind', `{"format":"hob","version":1,"items":{}}`, /"items" must be an array/],
  ['cut short', file(OK).slice(0, -30), /The file ends in the middle/],
  ['cut between items', `{"format":"hob","version":1,"items":[${JSON.stringify(F)},`, /ends in the middle/],
  ['something behind it', `${file(OK)} x`, /Something follows/],
  ['no comma', file(OK).replace('},{', '} {'), /A comma or \] is missing/],
  ['a comma too many', file(OK).replace(/\]\}$/, ',]}'), /An item must be an object/],
  ['an item that is a number', [F, 7], /An item must be an object/],
  ['broken JSON in an item', file([F]).replace('"name"', 'name'), /no valid JSON/],
  ['a bad escape', file([F]).replace('Lost', '\\q'), /no valid JSON/],
  ['nested too deep', `{"format":"hob","version":1,"items":[{"type":${'['.repeat(99)}`, /nested deeper than 64/],
  ['bad UTF-8', Buffer.from(file([folder('x\xff')]), 'latin1'), /no valid JSON/],
  ['NUL', [...OK, message(C, R, 'a\0b')], /must not contain NUL/],
  ['no type', [without(F, 'type')], /"type" is missing/],
  ['an unknown type', [{ ...F, type: 'user' }], /"type" must be folder, attachment/],
  ['no id', [without(F, 'id')], /"id" is missing/],
  ['an id that is none', [{ ...F, id: '../../etc' }], /"id" must be a UUID/],
  ['an id in capitals', [{ ...F, id: F.id.replace(/^./, 'A').toUpperCase() }], /"id" must be a UUID/],
  ['a folder without a name', [{ ...F, name: ' ' }], /"name" must have 1 to 100/],
  ['a folder twice', [...OK, F], /folder is there twice/],
  ['a name twice', [...OK, folder('lost')], /with this name is there twice/],
  ['an attachment twice', [...OK, A], /attachment is there twice/],
  ['base64 that is none', [{ ...A, data: '$$$$' }], /not valid base64/],
  ['another hash', [{ ...A, data: Buffer.from('other').toString('base64') }], /damaged/],
  ['an executable', [attachment('x', { mime: 'application/x-msdownload' })], /takes images/],
  ['a type with a line end', [attachment('x', { mime: 'text/a\r\nb' })], /no valid type/],
  ['a PDF that is none', [attachment('x', { mime: 'application/pdf' })], /no PDF/],
  ['an empty file', [attachment('')], /empty/],
  ['a conversation twice', [...OK, C], /conversation is there twice/],
  ['a conversation without a title', [without(C, 'title')], /"title" is missing/],
  ['a time that is none', [{ ...C, created_at: 'now' }], /"created_at" must be an integer/],
  ['a time before time', [{ ...C, created_at: -1 }], /"created_at" must be between/],
  ['an unknown folder', [{ ...C, folder_id: randomUUID() }], /"folder_id" names no folder/],
  ['options out of bounds', [{ ...C, options: { temperature: 99 } }], /"options"/],
  ['a message before its conversation', [F, Q, C], /"conversation_id" names no conversation/],
  ['a message twice', [...OK, Q], /message is there twice/],
  ['an unknown parent', [C, { ...Q, parent_id: randomUUID() }], /"parent_id" names no message/],
  ['a parent that follows', [C, { ...Q, parent_id: R.id }, R], /"parent_id" names no message/],
  [
    'an answer to an answer',
    [...OK, message(C, Q, 'x', { parent_id: R.id })],
    /"parent_id" names no message of the user/
  ],
  ['an unknown role', [C, { ...Q, role: 'system' }], /"role" must be user or assistant/],
  ['an unknown state', [C, { ...Q, state: 'done' }], /"state" must be queued, pending or answered/],
  ['no content', [C, without(Q, 'content')], /"content"/],
  ['content of another kind', [C, { ...Q, content: [{ type: 'audio' }] }], /"content" has a part/],
  [
    'an unknown attachment',
    [C, { ...Q, content: [{ type: 'image_url', image_url: { url: `attachment:${A.id}` } }] }],
    /"content" names an attachment/
  ],
  ['tool calls of another kind', [C, Q, { ...R, tool_calls: ['rm'] }], /"tool_calls"/],
  ['a generation of nothing', [...OK, generation({ ...Q, id: randomUUID() }, R)], /"message_id" names no message/],
  ['a generation twice', ((g) => [...OK, g, g])(generation(Q, R)), /generation is there twice/],
  ['figures of another kind', [...OK, generation(Q, R, { meta: { ttft_ms: 'soon' } })], /"ttft_ms" must be a number/],
  ['an error without words', [...OK, generation(Q, R, { error: {} })], /"message" is missing/]
];

describe('a bad file is refused with the place, and nothing of it stays', () => {
  let hob;
  before(async () => {
    hob = await Hob.start();
  });
  after(() => hob?.stop());

  for (const [what, given, says] of BAD) {
    test(what, async () => {
      const body = typeof given === 'string' || Buffer.isBuffer(given) ? given : file(given);
      const res = await importing(hob, typeof body === 'string' ? body : new Blob([body]).stream());
      assert.equal(res.status, 400, JSON.stringify(res));
      assert.equal(res.error.code, 'bad_import');
      assert.match(res.error.message, /^Line \d+, column \d+: .*\. Nothing was imported\.$/s);
      assert.match(res.error.message, says);
      assert.deepEqual(await everything(hob), { conversations: [], folders: [] });
      assert.equal((await hob.request(`/api/attachments/${A.id}`)).status, 404);
      assert.equal((await hob.request(`/api/conversations/${C.id}`)).status, 404);
      assert.equal((await hob.get('/api/search?q=lost')).hits.length, 0);
    });
  }

  test('the place is that of the item, in lines and characters', async () => {
    const text = `{"format":"hob","version":1,\n"items":[\n  ${JSON.stringify(folder('Größe'))}, {"type":"x"}]}`;
    const { error } = await importing(hob, text);
    const column = text.split('\n')[2].indexOf('{"type":"x"}') + 1;
    assert.match(error.message, new RegExp(`^Line 3, column ${column}: "type" must be`));
  });

  test('the good file comes in after all of them', async () => {
    const done = await importing(hob, file(OK));
    assert.deepEqual(done, { status: 200, conversations: 1, messages: 2, attachments: 1, folders: 1, skipped: 0 });
  });
});

describe('an import that does not come to its end', () => {
  let hob;
  before(async () => {
    hob = await Hob.start();
  });
  after(() => hob?.stop());

  const count = async () => (await hob.get('/api/conversations')).conversations.length;
  /** Sends the beginning of a file: many whole conversations. */
  async function begin(of = hob) {
    const req = await openImport(of);
    const t = talk();
    req.write(`{"format":"hob","version":1,"items":[${t.items.map((i) => JSON.stringify(i)).join()},`);
    for (let i = 0; i < 200; i++) {
      const c = conversation();
      req.write(`${JSON.stringify(c)},${JSON.stringify(message(c, null, 'left over '.repeat(500)))},`);
    }
    return Object.assign(req, { t });
  }
  /** As soon as nothing of it is left, the same file comes in. */
  async function comesInWhole({ items, c }) {
    const done = await until(async () => {
      const res = await importing(hob, file(items));
      return res.status !== 409 && res;
    }, 'the next import');
    assert.equal(done.status, 200, JSON.stringify(done));
    assert.deepEqual([done.conversations, done.attachments, done.skipped], [1, 1, 0]);
    assert.equal((await hob.get(`/api/conversations/${c.id}`)).messages.length, 3);
  }

  test('a client that goes away leaves nothing', async () => {
    const before = await count();
    const req = await begin();
    req.destroy();
    await req.answer;
    assert.equal(await count(), before);
    await comesInWhole(req.t);
    assert.equal(await count(), before + 1);
    assert.equal((await hob.get('/api/search?q=left')).hits.length, 0);
  });

  test('a broken chunk leaves nothing', async () => {
    const before = await count();
    const req = await begin();
    req.socket.write('zz\r\n');
    assert.ok((await req.answer).status === 400);
    await comesInWhole(req.t);
    assert.equal(await count(), before + 1);
  });

  test('kill -9 leaves nothing, and the next start is clean', async () => {
    const before = await count();
    const req = await begin();
    await until(async () => req.socket.bytesWritten > 1_000_000 && req.writableLength === 0, 'most of it is sent');
    await hob.kill();
    await req.answer;
    await hob.run();
    await hob.logIn();
    assert.equal(await count(), before);
    assert.equal((await hob.get('/api/search?q=left')).hits.length, 0);
    assert.equal((await hob.request(`/api/attachments/${req.t.a.id}`)).status, 404);
    await comesInWhole(req.t);
    assert.equal(await count(), before + 1);
  });

  test('SIGTERM ends it, and the next start is clean', async () => {
    const before = await count();
    const req = await begin();
    assert.equal((await hob.terminate()).code, 0);
    await req.answer;
    await hob.run();
    await hob.logIn();
    assert.equal(await count(), before);
    await comesInWhole(req.t);
  });

  test('who loses the right in the middle is refused', async () => {
    const other = await otherUser(hob, 'grace');
    const req = await begin(other);
    assert.equal((await hob.post(`/api/users/${other.id}/disable`)).status, 200);
    req.end('null]}');
    assert.equal((await req.answer).status, 401);
  });

  test('a file that is uploaded meanwhile stays', async () => {
    /** Uploads what an import under way has brought, or (false) may not have brought yet. */
    async function uploadAgain() {
      const req = await begin();
      await until(async () => req.writableLength === 0, 'it is sent');
      const res = await hob.request('/api/attachments?name=mine.txt', {
        method: 'POST',
        headers: { 'content-type': 'text/plain' },
        body: Buffer.from(req.t.a.data, 'base64')
      });
      const { attachment: a } = await res.json();
      req.destroy();
      await req.answer;
      await comesInWhole(talk()); // and all that was left is gone
      return a.id === req.t.a.id && a;
    }
    const uploaded = await until(uploadAgain, 'a file has the id that the import gave it');
    assert.equal((await hob.request(`/api/attachments/${uploaded.id}`)).status, 200);
  });

  test('nothing of it is there before its end, then all at once, and screens are told', async () => {
    const before = await count();
    const live = await hob.request('/api/events');
    const told = (async () => {
      for await (const ev of events(live)) if (ev.event === 'imported') return ev.data;
    })();
    const req = await begin();
    await until(async () => req.writableLength === 0, 'it is sent');
    assert.equal(await count(), before);
    assert.equal((await hob.request(`/api/conversations/${req.t.c.id}`)).status, 404);
    req.end(`${JSON.stringify(conversation())}]}`);
    const done = await req.answer;
    assert.equal(done.conversations, 202, JSON.stringify(done));
    assert.equal(await told, '{}');
    assert.equal(await count(), before + 202);
  });
});

describe('a large import', () => {
  const MB = Number(process.env.HOB_IMPORT_MB ?? 200);
  let hob;
  before(async () => {
    const asan = [process.env.ASAN_OPTIONS, 'quarantine_size_mb=1'].filter(Boolean).join(':'); // what is freed counts no more
    hob = await Hob.start({ env: { ASAN_OPTIONS: asan } });
  });
  after(() => hob?.stop());

  const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${hob.pid}/status`, 'utf8'))[1]) / 1024;

  test(`${MB} MB (HOB_IMPORT_MB) stream through little memory, and others are served meanwhile`, async () => {
    let made = 0;
    const noise = randomBytes(3 << 20);
    async function* parts() {
      yield '{"format":"hob","version":1,"items":[';
      for (let sent = 0; sent < MB << 20; made++) {
        const c = conversation({ title: `Talk ${made}` });
        const q = message(c, null, `${made} ${'words of a question '.repeat(1500)}`);
        const items = [c, q, message(c, q, 'an answer '.repeat(3000))];
        if (made % 100 === 0) {
          noise.writeUInt32LE(made);
          items.push(attachment(noise, { mime: 'image/png' }));
        }
        const text = `${made ? ',' : ''}${items.map((i) => JSON.stringify(i)).join()}`;
        sent += text.length;
        yield text;
      }
      yield ']}';
    }
    const before = rss();
    let [most, asked, over] = [0, 0, false];
    const watch = (async () => {
      while (!over) {
        const { length } = (await hob.get('/api/conversations')).conversations;
        assert.ok(length === 0 || length === made, `${length} are there before the end`);
        most = Math.max(most, rss());
        asked++;
      }
    })();
    const done = await importing(hob, ReadableStream.from(parts()).pipeThrough(new TextEncoderStream()));
    over = true;
    await watch;
    assert.equal(done.status, 200, JSON.stringify(done));
    assert.equal(done.conversations, made);
    assert.equal(done.attachments, Math.ceil(made / 100));
    assert.ok(asked >= 10, `${asked} answers meanwhile`);
    assert.ok(most - before < 160, `${before} MiB grew to ${most} MiB`);
    assert.equal((await hob.get('/api/conversations')).conversations.length, made);
  });
});
