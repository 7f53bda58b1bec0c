// Exports: a file has all that the API tells of one's own conversations, and is written no faster than it is read.
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { png } from '../lib/files.mjs';
import { events, Hob, readAnswer, until } from '../lib/hob.mjs';

const ODD = 'Grüße, 你好 👩‍👩‍👧 \u202eabc\u202c "quoted" \\ back\u0001slash\n\n```js\n</script>';
const TODAY = /\d{4}-\d\d-\d\d/.source;

let hob, fast, slow, cookieOfBen;
before(async () => {
  hob = await Hob.start();
  fast = await hob.addDemo('fast', ['--tokens-per-second', '0']);
  slow = await hob.addDemo('slow', ['--tokens-per-second', '20']);
  await hob.startServer(fast.id);
  await hob.startServer(slow.id);
  const ben = { name: 'ben', password: 'another long one' };
  assert.equal((await hob.post('/api/signup', ben)).status, 202);
  const { users } = await hob.get('/api/users');
  await hob.post(`/api/users/${users.find((u) => u.name === 'ben').id}/approve`);
  const res = await hob.post('/api/login', ben, { headers: { cookie: '' } });
  cookieOfBen = res.headers.getSetCookie()[0].split(';')[0];
});
after(() => hob?.stop());

const exportOf = (id, query = '') => hob.request(`/api/conversations/${id}/export${query}`);
const jsonOf = async (id) => JSON.parse(await (await exportOf(id)).text());
const markdownOf = async (id) => (await exportOf(id, '?format=markdown')).text();
const itemsOf = (file, type) => file.items.filter((i) => i.type === type);
const read = (id) => hob.get(`/api/conversations/${id}`);
const patch = (id, change) => hob.send('PATCH', `/api/conversations/${id}`, change);

/** Sends and waits for the answer; gives {conversation, message, answer, generation}. */
async function say(content, more = {}) {
  const body = hob.message(fast.id, content, more);
  const res = await hob.post('/api/chat/completions', body);
  assert.equal(res.status, 200);
  await readAnswer(res);
  return {
    conversation: body.conversation_id,
    message: body.message.id,
    answer: res.headers.get('x-answer-id'),
    generation: res.headers.get('x-generation-id')
  };
}
const sayAfter = (turn, content) => say(content, { conversation_id: turn.conversation, parent_id: turn.answer });

async function upload(name, type, body, to = hob) {
  const res = await to.request(`/api/attachments?name=${encodeURIComponent(name)}`, {
    method: 'POST',
    headers: { 'content-type': type },
    body
  });
  assert.equal(res.status, 201);
  return (await res.json()).attachment;
}

/** A conversation with branches, an edited answer, settings, a folder and three attachments. */
async function seed() {
  const image = await upload('Straße "1".png', 'image/png', png(3, 2));
  const paper = await upload('paper.pdf', 'application/pdf', Buffer.from('%PDF-1.7\n%%EOF\n'));
  const words = await upload('paper.txt', 'text/plain', 'what it says');
  const first = await say([
    { type: 'text', text: ODD },
    { type: 'image_url', image_url: { url: `attachment:${image.id}` } },
    { type: 'file', file: { id: words.id, name: 'paper.pdf', original_id: paper.id } }
  ]);
  const id = first.conversation;
  const second = await sayAfter(first, 'echo two');
  const other = await sayAfter(first, 'echo two, edited');
  const again = { conversation_id: id, id: second.message, parent_id: first.answer };
  await say('echo two', { ...again, mode: 'retry', instead_of: second.generation });
  const tools = await sayAfter(other, 'call weather {"place": "Köln"}');
  const edited = await hob.post(`/api/messages/${second.answer}/edit`, {
    id: randomUUID(),
    content: 'an edited *answer*'
  });
  assert.ok(edited.ok, String(edited.status));
  const { folder } = await (await hob.post('/api/folders', { name: `Ordner ${randomUUID()}` })).json();
  const set = await patch(id, {
    title: 'Title "of" <this>',
    folder_id: folder.id,
    pinned: true,
    leaf_id: tools.answer,
    options: { temperature: 0.5, max_tokens: 77 },
    system_prompt: 'Be brief.\n' + ODD
  });
  assert.equal(set.status, 200, await set.text());
  return { id, folder, image, paper, first, second, other, tools };
}

/** The file says the same as the API. */
async function assertComplete(file, id) {
  const { conversation, settings, messages } = await read(id);
  const item = itemsOf(file, 'conversation').find((c) => c.id === id);
  for (const key of ['title', 'titled_by', 'created_at', 'updated_at', 'pinned', 'archived', 'folder_id', 'leaf_id'])
    assert.deepEqual(item[key], conversation[key], key);
  assert.deepEqual({ options: item.options, system_prompt: item.system_prompt }, settings);
  const written = itemsOf(file, 'message').filter((m) => m.conversation_id === id);
  assert.deepEqual(written.map((m) => m.id).sort(), messages.map((m) => m.id).sort());
  for (const m of messages) {
    const w = written.find((x) => x.id === m.id);
    for (const key of ['parent_id', 'role', 'content', 'created_at']) assert.deepEqual(w[key], m[key], key);
    for (const key of ['reasoning', 'tool_calls', 'server_id']) assert.deepEqual(w[key] ?? null, m[key] ?? null, key);
    assert.equal(w.state, m.state);
  }
  return { item, written };
}

/** What an item refers to stands before it. */
function assertOrdered(file) {
  const seen = new Set();
  const before = (id) => id === null || id === undefined || assert.ok(seen.has(id), `${id} is not there yet`);
  for (const i of file.items) {
    if (i.type === 'conversation') before(i.folder_id);
    if (i.type === 'message' || i.type === 'generation') before(i.conversation_id);
    if (i.type === 'message') before(i.parent_id);
    if (i.type === 'generation') before(i.message_id);
    for (const part of Array.isArray(i.content) ? i.content : []) {
      const url = part.image_url?.url;
      if (url?.startsWith('attachment:')) before(url.slice('attachment:'.length));
      before(part.file?.id);
      before(part.file?.original_id);
    }
    assert.ok(!seen.has(i.id), `${i.id} is there twice`);
    seen.add(i.id);
  }
}

describe('one conversation as JSON', () => {
  test('has the tree, the settings, the folder and the attachments', async () => {
    const seeded = await seed();
    await upload('of no message.png', 'image/png', png(5, 5));
    const res = await exportOf(seeded.id);
    assert.equal(res.status, 200);
    assert.match(res.headers.get('content-type'), /^application\/json/);
    assert.equal(res.headers.get('cache-control'), 'no-store');
    assert.match(res.headers.get('content-disposition'), new RegExp(`^attachment;.*hob-Title.*${TODAY}\\.json`));
    const text = await res.text();
    const file = JSON.parse(text);
    assert.deepEqual([file.format, file.version], ['hob', 1]);
    assert.ok(Math.abs(file.exported_at - Date.now()) < 60_000);
    assert.equal(text.trimEnd().split('\n').length, file.items.length + 2, 'one item a line');

    const { item, written } = await assertComplete(file, seeded.id);
    assertOrdered(file);
    assert.equal(written.length, 10);
    assert.ok(
      written.some((m) => m.tool_calls?.length),
      'an answer with tool calls'
    );
    assert.deepEqual([item.server_id, item.server_name], [fast.id, 'fast']);
    assert.deepEqual(
      itemsOf(file, 'folder').map((f) => [f.id, f.name]),
      [[seeded.folder.id, seeded.folder.name]]
    );
    const files = itemsOf(file, 'attachment');
    assert.deepEqual(files.map((a) => a.name).sort(), ['Straße "1".png', 'paper.pdf', 'paper.txt'].sort());
    for (const a of files) {
      const bytes = Buffer.from(a.data, 'base64');
      assert.equal(createHash('sha256').update(bytes).digest('hex'), a.sha256);
    }
    const generations = itemsOf(file, 'generation');
    assert.equal(generations.length, 5);
    for (const g of generations) {
      assert.deepEqual([g.state, g.server_id, g.conversation_id, g.continues], ['done', fast.id, seeded.id, false]);
      assert.ok(g.finished_at >= g.created_at);
      assert.ok(written.some((m) => m.id === g.answer_id && m.parent_id === g.message_id));
      assert.equal(typeof g.meta.model, 'string');
    }
  });

  test('has an answer that is being written with the text so far, as one that broke off', async () => {
    const body = hob.message(slow.id, `echo ${'word '.repeat(300)}`);
    const res = await hob.post('/api/chat/completions', body);
    const id = body.conversation_id;
    const answer = res.headers.get('x-answer-id');
    const feed = events(res);
    for (let text = ''; !text.includes('word word word');) {
      const { value } = await feed.next();
      if (value.data) text += JSON.parse(value.data).choices?.[0]?.delta?.content ?? '';
    }
    const file = await until(async () => {
      const now = await jsonOf(id);
      return (
        itemsOf(now, 'message')
          .find((m) => m.id === answer)
          ?.content.includes('word word') && now
      );
    }, 'stored text is exported');
    const message = itemsOf(file, 'message').find((m) => m.id === answer);
    assert.equal(message.state, 'interrupted');
    const [generation] = itemsOf(file, 'generation');
    assert.deepEqual([generation.answer_id, generation.state], [answer, 'interrupted']);
    assert.ok(generation.finished_at > 0);
    assert.match(generation.error.message, /exported/);
    assert.match(await markdownOf(id), /word word[^]*still being written/);

    assert.ok((await hob.post(`/api/generations/${res.headers.get('x-generation-id')}/stop`)).ok);
    for await (const ev of feed) if (ev.event === 'done' || ev.event === 'error') break;
    await assertComplete(await jsonOf(id), id);
  });

  test("is nobody else's, and only of what is there", async () => {
    const { conversation } = await say('echo mine');
    const res = await hob.request(`/api/conversations/${conversation}/export`, { headers: { cookie: cookieOfBen } });
    assert.equal(res.status, 404);
    assert.equal((await res.json()).error.code, 'conversation_not_found');
    assert.equal((await exportOf(randomUUID())).status, 404);
    assert.equal((await exportOf(randomUUID(), '?format=markdown')).status, 404);
    assert.equal((await exportOf(conversation, '?format=pdf')).status, 400);
    const all = await hob.request('/api/export', { headers: { cookie: cookieOfBen } });
    assert.deepEqual((await all.json()).items, []);
  });

  test('has a name that is safe in a header and on a disk', async () => {
    const { conversation: id } = await say('echo name');
    const cases = [
      ['a\r\nSet-Cookie: x=1', /a.*Set-Cookie/],
      ['../../etc/passwd', /etc/],
      ['"; filename="evil.exe', /evil/],
      ['CON: <a|b>?*\\', /CON/],
      ['你好 👩‍👩‍👧 \u202etxt.exe', /%E4%BD%A0/],
      ['é'.repeat(200), /%C3%A9/]
    ];
    for (const [title, wanted] of cases) {
      assert.equal((await patch(id, { title })).status, 200, title);
      const res = await exportOf(id);
      const value = res.headers.get('content-disposition');
      assert.equal(res.headers.get('set-cookie'), null);
      assert.match(value, /^attachment; filename="hob-[^"\\/]*\.json"; filename\*=UTF-8''hob-[\w.%!#$&+^`|~-]*\.json$/);
      const name = decodeURIComponent(value.split("UTF-8''")[1]);
      assert.match(name, new RegExp(`^hob-[^\\p{Cc}"*:<>?|/\\\\\u202e]*-${TODAY}\\.json$`, 'u'));
      assert.ok(Buffer.byteLength(name) < 120);
      assert.match(value, wanted);
      assert.equal((await jsonOf(id)).items[0].title, (await read(id)).conversation.title);
    }
  });
});

describe('all of it', () => {
  test('is complete, in order, and has what nothing refers to', async () => {
    const lonely = await upload('of no message.png', 'image/png', png(7, 7));
    await hob.post('/api/folders', { name: 'empty' });
    const archived = await say('echo put away');
    await patch(archived.conversation, { archived: true });
    const res = await hob.request('/api/export');
    assert.match(res.headers.get('content-disposition'), new RegExp(`hob-all-${TODAY}\\.json`));
    const file = JSON.parse(await res.text());
    assertOrdered(file);
    assert.ok(itemsOf(file, 'attachment').some((a) => a.id === lonely.id));
    assert.ok(itemsOf(file, 'folder').some((f) => f.name === 'empty'));
    const ids = itemsOf(file, 'conversation').map((c) => c.id);
    assert.ok(ids.length > 3 && ids.includes(archived.conversation));
    for (const id of ids) await assertComplete(file, id);
  });

  test('as Markdown is one conversation after the other', async () => {
    const res = await hob.request('/api/export?format=markdown');
    assert.match(res.headers.get('content-type'), /^text\/markdown; charset=utf-8/);
    const text = await res.text();
    const file = await (await hob.request('/api/export')).json();
    assert.equal(text.match(/^# /gm).length, itemsOf(file, 'conversation').length);
  });
});

/** The text between the headings of a Markdown export: [[heading, text], ...]. */
function sections(text) {
  const parts = text.split(/^(#{1,2} .*)$/m);
  return parts.slice(1).flatMap((part, i) => (i % 2 === 0 ? [[part, parts[i + 2].trim()]] : []));
}

test('Markdown has the shown path with who, when, thoughts, tools and names of files', async () => {
  const seeded = await seed();
  const res = await exportOf(seeded.id, '?format=markdown');
  assert.match(res.headers.get('content-disposition'), new RegExp(`hob-Title.*${TODAY}\\.md`));
  const text = await res.text();
  const { messages } = await read(seeded.id);
  const shown = [seeded.first, seeded.other, seeded.tools].flatMap((t) => [t.message, t.answer]);
  const who = (id) => {
    const m = messages.find((x) => x.id === id);
    const at = new Date(m.created_at).toISOString().slice(0, 16).replace('T', ' ');
    return `## ${m.role === 'user' ? 'You' : m.meta.model} · ${at} UTC`;
  };
  const unescaped = sections(text).map(([head, body]) => [head.replaceAll('\\', ''), body]);
  assert.deepEqual(
    unescaped.map(([head]) => head),
    ['# Title "of" <this>', ...shown.map(who)]
  );
  const bodies = unescaped.slice(1).map(([, body]) => body);
  assert.ok(bodies[0].startsWith(ODD));
  assert.match(bodies[0], /\n```\n/, 'the block of code that the message left open is closed');
  assert.ok(bodies[0].includes('\\[image: Straße "1".png\\]'));
  assert.ok(bodies[0].includes('\\[file: paper.pdf\\]'));
  assert.equal(bodies[2], 'echo two, edited');
  assert.match(bodies[5], /Calls weather:\n\n```\n{.*Köln.*}\n```/);
  assert.ok(!text.includes('an edited *answer*'), 'only the shown path');

  await patch(seeded.id, { leaf_id: seeded.first.answer });
  assert.equal(sections(await markdownOf(seeded.id)).length, 3, 'to the leaf, not beyond');
});

test('Markdown keeps thoughts in a quote and says how an answer ended', async () => {
  const think = await hob.addDemo('think', ['--tokens-per-second', '0', '--think']);
  await hob.startServer(think.id);
  const body = hob.message(think.id, 'echo thoughtful');
  const { reasoning } = await readAnswer(await hob.post('/api/chat/completions', body));
  assert.ok(reasoning.length > 0);
  const text = await markdownOf(body.conversation_id);
  const first = reasoning.trim().split('\n')[0];
  assert.ok(text.includes(`> **Reasoning**\n>\n> ${first}`), text);
});

describe('a large export', () => {
  const FILES = 20;
  const FILE_BYTES = 2 << 20; // 53 MB in base64
  const MESSAGES = 450; // more than two pages
  let large, conversation;

  before(async () => {
    const asan = [process.env.ASAN_OPTIONS, 'quarantine_size_mb=1'].filter(Boolean).join(':');
    large = await Hob.start({ env: { ASAN_OPTIONS: asan } });
    const [server] = (await large.get('/api/servers')).servers;
    for (let i = 0; i < FILES; i++) {
      await upload(`${i}.txt`, 'text/plain', `${i} `.repeat(FILE_BYTES).slice(0, FILE_BYTES), large);
    }
    conversation = randomUUID();
    for (let i = 0, parent_id = null; i < MESSAGES; i++) {
      const id = randomUUID();
      const message = { conversation_id: conversation, parent_id, content: `number ${i}`, server: server.id };
      assert.equal((await large.send('PUT', `/api/messages/${id}`, { ...message, state: 'queued' })).status, 201);
      parent_id = id;
    }
  });
  after(() => large?.stop());

  const residentBytes = async () =>
    1024 * Number(/VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${large.pid}/status`, 'utf8'))[1]);

  /** A client that reads nothing by itself. */
  async function download(path = '/api/export', cookie = large.cookie) {
    const socket = net.connect(large.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${large.port}\r\nCookie: ${cookie}\r\n\r\n`);
    await once(socket, 'readable');
    return socket;
  }

  /** Reads to the end, or to where it breaks off; gives the file without the marks of its chunks, or null. */
  async function readAll(socket, look = async () => {}) {
    const pieces = [];
    let bytes = 0;
    const over = new Promise((resolve) => socket.once('close', resolve));
    socket.on('data', (piece) => {
      pieces.push(piece);
      bytes += piece.length;
      if (piece.subarray(-5).toString('latin1') === '0\r\n\r\n') socket.destroy();
      if (pieces.length % 50 === 0) {
        socket.pause();
        void look(bytes).then(() => socket.resume());
      }
    });
    socket.resume();
    await over;
    const all = Buffer.concat(pieces);
    if (all.subarray(-5).toString('latin1') !== '0\r\n\r\n') return null;
    const chunks = [];
    for (let at = all.indexOf('\r\n\r\n') + 4; ;) {
      const line = all.indexOf('\r\n', at);
      const n = parseInt(all.toString('latin1', at, line), 16);
      if (n === 0) return Buffer.concat(chunks);
      chunks.push(all.subarray(line + 2, line + 2 + n));
      at = line + 2 + n + 2;
    }
  }

  test('goes no faster than its reader and takes little memory', async () => {
    await large.get('/api/conversations');
    const before = await residentBytes();
    let most = 0;
    const look = async () => {
      most = Math.max(most, await residentBytes());
    };
    const socket = await download();
    for (let i = 0; i < 20; i++) {
      assert.equal((await large.get(`/api/conversations/${conversation}`)).messages.length, MESSAGES);
      await look();
    }
    const text = await readAll(socket, look);
    assert.ok(text.length > 50e6, String(text.length));
    const file = JSON.parse(text.toString());
    assert.equal(itemsOf(file, 'attachment').length, FILES);
    assert.deepEqual(
      itemsOf(file, 'message').map((m) => m.content),
      Array.from({ length: MESSAGES }, (_, i) => `number ${i}`)
    );
    assert.ok(most - before < 30e6, `${before} bytes grew to ${most}`);
  });

  test('has nothing that refers to what is not in it, whatever changes meanwhile', async () => {
    const socket = await download();
    const late = await upload('late.txt', 'text/plain', `late ${randomUUID()}`, large);
    const { folder } = await (await large.post('/api/folders', { name: 'late' })).json();
    const moved = { folder_id: folder.id, title: 'moved' };
    assert.equal((await large.send('PATCH', `/api/conversations/${conversation}`, moved)).status, 200);
    const [server] = (await large.get('/api/servers')).servers;
    const content = [{ type: 'file', file: { id: late.id, name: 'late.txt' } }];
    const message = { conversation_id: randomUUID(), content, server: server.id, state: 'queued' };
    assert.equal((await large.send('PUT', `/api/messages/${randomUUID()}`, message)).status, 201);
    const file = JSON.parse((await readAll(socket)).toString());
    assertOrdered(file);
    assert.equal(itemsOf(file, 'message').length, MESSAGES + 1);
    assert.ok(itemsOf(file, 'attachment').some((a) => a.id === late.id));
    assert.equal(itemsOf(file, 'conversation')[0].title, 'moved');
    assert.equal(
      (await large.request(`/api/conversations/${message.conversation_id}`, { method: 'DELETE' })).status,
      204
    );
  });

  test('ends with its client', async () => {
    const descriptors = async () => (await readdir(`/proc/${large.pid}/fd`)).length;
    const before = await descriptors();
    for (let i = 0; i < 5; i++) {
      const sockets = await Promise.all([download(), download('/api/export?format=markdown'), download()]);
      sockets.forEach((s) => (i % 2 ? s.destroy() : s.resetAndDestroy()));
    }
    await until(async () => (await descriptors()) <= before, 'hob lets go of them');
    assert.equal((await large.get('/api/conversations')).conversations.length, 1);
  });

  test('ends with the right to it, and never looks whole then', async () => {
    const res = await large.post('/api/login', { name: 'ada', password: 'correct horse' }, { headers: { cookie: '' } });
    const cookie = res.headers.getSetCookie()[0].split(';')[0];
    const socket = await download('/api/export', cookie);
    assert.equal((await large.post('/api/logout', {}, { headers: { cookie } })).status, 204);
    assert.equal(await readAll(socket), null);
  });

  test('does not look whole when hob ends', async () => {
    const socket = await download();
    const { code } = await large.terminate();
    assert.equal(code, 0);
    assert.equal(await readAll(socket), null);
    await large.run();
  });
});
