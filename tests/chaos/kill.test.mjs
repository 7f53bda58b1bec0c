// kill -9 at random moments: hob, while it is used in every way that changes something; engines, in mid-stream.
import assert from 'node:assert/strict';
import { createHash, randomBytes, randomInt, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { Hob, readAnswer, until } from '../lib/hob.mjs';
import { descendants, processes } from '../lib/procs.mjs';

const ROUNDS = Number(process.env.CHAOS_ROUNDS ?? 200);
const ENGINE_ROUNDS = Number(process.env.CHAOS_ENGINE_ROUNDS ?? 100);

/** Runs turn(n) again and again until hob is gone. What is found to be wrong goes on to the test. */
async function untilGone(turn) {
  for (let n = 0; ; n++) {
    try {
      await turn(n);
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      return;
    }
  }
}

/** Something that is changed again and again: it must be as hob said last, or as it was asked for since. */
class Held {
  constructor(value) {
    this.values = [value];
  }

  async change(value, ask) {
    this.values.push(value);
    const res = await ask();
    assert.ok(res.ok, `changing: ${res.status}`);
    this.values = [value];
    await res.arrayBuffer();
  }

  check(value, what) {
    const found = this.values.find((v) => isDeepStrictEqual(v, value));
    assert.ok(found, `${what}: ${JSON.stringify(value)} is none of ${JSON.stringify(this.values)}`);
    this.values = [found];
  }
}

/** Sends messages; every other answer is read to its end. The last one that was is edited. */
function keepSending(hob, server, known) {
  const conversation_id = randomUUID();
  return untilGone(async (n) => {
    const id = randomUUID();
    const word = `hello ${id.slice(0, 8)}`;
    const res = await hob.post('/api/chat/completions', hob.message(server, `echo ${word}`, { conversation_id, id }));
    if (res.status === 200 || res.status >= 502) known.messages.set(id, conversation_id);
    if (n % 2 || res.status !== 200) return res.body?.cancel();
    const { text, done } = await readAnswer(res);
    if (!done) return undefined;
    assert.equal(text, word);
    const answer = res.headers.get('x-answer-id');
    known.answers.set(answer, { conversation_id, content: text, parent_id: id });
    const edited = { id: randomUUID(), content: `${word}, edited` };
    const edit = await hob.post(`/api/messages/${answer}/edit`, edited);
    assert.ok(edit.ok, `editing: ${edit.status}`);
    known.answers.set(edited.id, { conversation_id, content: edited.content, parent_id: id });
    return edit.arrayBuffer();
  });
}

/** Uploads a file, changes a conversation, a folder and a queued message, and so on. */
function keepChanging(hob, known) {
  return untilGone(async () => {
    const bytes = randomBytes(randomInt(1, 9000)).toString('base64');
    const upload = await hob.request(`/api/attachments?name=a.txt`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: bytes
    });
    assert.equal(upload.status, 201);
    known.files.set((await upload.json()).attachment.id, bytes);

    const n = ++known.changes;
    const { conversation, folder, queued } = known;
    const settings = { options: { seed: n, temperature: (n % 20) / 10 }, system_prompt: `Say ${n}.` };
    const shown = { title: `title ${n}`, pinned: n % 2 === 0, folder_id: n % 3 ? known.folderId : null };
    await conversation.change({ ...shown, settings }, () =>
      hob.send('PATCH', `/api/conversations/${known.conversationId}`, { ...shown, ...settings })
    );
    await folder.change(`folder ${n}`, () =>
      hob.send('PATCH', `/api/folders/${known.folderId}`, { name: `folder ${n}` })
    );
    await queued.change(`queued ${n}`, () => putQueued(hob, known, `queued ${n}`));
  });
}

const putQueued = (hob, known, content) =>
  hob.send('PUT', `/api/messages/${known.queuedId}`, {
    conversation_id: known.conversationId,
    server: known.server,
    content
  });

async function checkChanges(hob, known) {
  const { conversation, settings, messages } = await hob.get(`/api/conversations/${known.conversationId}`);
  const { title, pinned, folder_id } = conversation;
  known.conversation.check({ title, pinned, folder_id, settings }, 'the conversation');
  known.queued.check(messages.find((m) => m.id === known.queuedId)?.content, 'the queued message');
  const { folders } = await hob.get('/api/folders');
  known.folder.check(folders.find((f) => f.id === known.folderId)?.name, 'the folder');
}

/** A file of two pieces or more, so that it may be cut between them. */
function exportFile() {
  const created_at = 1_700_000_000_000;
  const bytes = randomBytes(60_000);
  bytes.write('%PDF-1.7\n');
  const attachment = { type: 'attachment', id: randomUUID(), name: 'a.pdf', mime: 'application/pdf', created_at };
  const conversation_id = randomUUID();
  const messages = [];
  for (let i = 0; i < 24; i++) {
    const role = i % 2 ? 'assistant' : 'user';
    const text = `${i} of ${conversation_id} `.repeat(200);
    const file = { type: 'file', file: { id: attachment.id, name: 'a.pdf' } };
    messages.push({
      type: 'message',
      id: randomUUID(),
      conversation_id,
      parent_id: messages.at(-1)?.id ?? null,
      role,
      state: role === 'user' ? 'answered' : 'done',
      content: i ? text : [{ type: 'text', text }, file],
      created_at: created_at + i
    });
  }
  const conversation = {
    type: 'conversation',
    id: conversation_id,
    title: 'imported',
    titled_by: 'user',
    created_at,
    updated_at: created_at
  };
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const items = [{ ...attachment, sha256, data: bytes.toString('base64') }, conversation, ...messages];
  return {
    file: { format: 'hob', version: 1, exported_at: created_at, items },
    conversation_id,
    attachment_id: attachment.id,
    bytes,
    messages,
    isAnswered: false
  };
}

async function importOne(hob, imported) {
  try {
    const res = await hob.post('/api/import', imported.file);
    imported.isAnswered = res.status === 200;
    assert.equal(res.status, 200, await res.text());
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
  }
}

/** Whole, or, if nobody was told of its end, not there at all. */
async function checkImport(hob, imported) {
  const res = await hob.request(`/api/conversations/${imported.conversation_id}`);
  const file = await hob.request(`/api/attachments/${imported.attachment_id}`);
  if (res.status === 404 && !imported.isAnswered) {
    assert.equal(file.status, 404, 'the file of an import that is not there');
    return;
  }
  assert.equal(res.status, 200, 'imported and lost');
  imported.isAnswered = true;
  const plain = (list) => list.map(({ id, parent_id, role, content }) => ({ id, parent_id, role, content }));
  assert.deepEqual(plain((await res.json()).messages), plain(imported.messages));
  assert.equal(file.status, 200);
  assert.ok(imported.bytes.equals(Buffer.from(await file.arrayBuffer())), 'the bytes of an imported file');
}

/** A conversation, a folder and a queued message to be changed, and what hob will have said. */
async function thingsToChange(hob, server) {
  const known = { messages: new Map(), answers: new Map(), files: new Map(), imports: [], changes: 0, server };
  Object.assign(known, { conversationId: randomUUID(), queuedId: randomUUID() });
  const folder = await hob.post('/api/folders', { name: 'folder 0' });
  known.folderId = (await folder.json()).folder.id;
  assert.ok((await putQueued(hob, known, 'queued 0')).ok);
  const settings = { options: { seed: 0 }, system_prompt: 'Say 0.' };
  const shown = { title: 'title 0', pinned: true, folder_id: null };
  const patch = await hob.send('PATCH', `/api/conversations/${known.conversationId}`, { ...shown, ...settings });
  assert.equal(patch.status, 200);
  known.conversation = new Held({ ...shown, settings });
  known.folder = new Held('folder 0');
  known.queued = new Held('queued 0');
  return known;
}

async function assertNoProcessOf(family, dir) {
  let left = [];
  await until(
    async () => {
      left = (await processes())
        .filter((p) => family.includes(p.pid) || p.cmdline.includes(dir))
        // ended, and process 1's to wait for: the one of a container may take its time, or never do
        .filter((p) => !(p.state === 'Z' && p.ppid === 1));
      return left.length === 0;
    },
    'no process of hob is left, not even as a zombie of another one',
    { ms: 2000 }
  ).catch((error) => assert.deepEqual(left, [], error.message));
}

async function checkMessages(hob, conversation, known) {
  const { messages } = await hob.get(`/api/conversations/${conversation}`);
  const byId = new Map(messages.map((m) => [m.id, m]));
  const wanted = [...known.messages].filter(([, c]) => c === conversation).map(([id]) => id);
  assert.deepEqual(
    wanted.filter((id) => !byId.has(id)),
    [],
    'acknowledged and lost'
  );
  for (const id of wanted) {
    const made = messages.filter((m) => m.parent_id === id && m.role === 'assistant' && m.generation_id);
    assert.ok(made.length <= 1, 'answered twice');
  }
  assert.equal(messages.filter((m) => ['connecting', 'streaming'].includes(m.state)).length, 0, 'left unfinished');
  for (const [id, { conversation_id, content, parent_id }] of known.answers) {
    if (conversation_id !== conversation) continue;
    const { state, ...m } = byId.get(id) ?? {};
    assert.deepEqual({ state, content: m.content, parent_id: m.parent_id }, { state: 'done', content, parent_id });
    assert.equal(byId.get(parent_id).state, 'answered');
  }
}

test(`hob killed ${ROUNDS} times while it is used: nothing that was acknowledged is lost or changed, no engine is left`, async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'hob-'));
  const slowest = { start: 0 };
  let hob = await Hob.start({ dir });
  const server = await hob.addDemo('chaos', ['--tokens-per-second', '100'], { autostart: true });
  const known = await thingsToChange(hob, server.id);
  for (let round = 0; round < ROUNDS; round++) {
    const imported = exportFile();
    known.imports.push(imported);
    const using = [0, 1, 2].map(() => keepSending(hob, server.id, known));
    using.push(keepChanging(hob, known), importOne(hob, imported));
    await new Promise((resolve) => setTimeout(resolve, randomInt(20, 400)));
    const family = (await descendants(hob.pid)).map((p) => p.pid);
    await hob.kill();
    await Promise.all(using);
    await assertNoProcessOf(family, dir);
    const begun = performance.now();
    await hob.run();
    await hob.get('/api/servers');
    slowest.start = Math.max(slowest.start, performance.now() - begun);
    await checkChanges(hob, known);
    await checkImport(hob, imported);
  }
  const whole = known.imports.filter((i) => i.isAnswered).length;
  t.diagnostic(
    `${known.messages.size} messages, ${known.answers.size} whole answers and edits, ${known.files.size} files, ` +
      `${known.changes} changes, ${whole} imports; slowest restart ${Math.round(slowest.start)} ms`
  );
  for (const what of ['messages', 'answers', 'files'])
    assert.ok(known[what].size > ROUNDS / 4, `there were really ${what}`);
  assert.ok(whole > 0 && whole < ROUNDS, 'some imports came to their end, and some did not');
  for (const conversation of new Set(known.messages.values())) await checkMessages(hob, conversation, known);
  for (const [id, text] of known.files) {
    const res = await hob.request(`/api/attachments/${id}`);
    assert.equal(res.status, 200, 'uploaded and lost');
    assert.equal(await res.text(), text);
  }
  for (const imported of known.imports) await checkImport(hob, imported);
  await hob.stop();
  await rm(dir, { recursive: true, force: true });
});

test(`an engine killed ${ENGINE_ROUNDS} times in mid-stream: an error event at once, the text is kept, another stream does not notice`, async () => {
  const hob = await Hob.start();
  const mortal = await hob.addDemo('mortal', ['--tokens-per-second', '200']);
  const other = await hob.addDemo('other', ['--tokens-per-second', '20']);
  await hob.startServer(other.id);
  const long = hob.post('/api/chat/completions', hob.message(other.id, 'long 1500'));
  for (let round = 0; round < ENGINE_ROUNDS; round++) {
    const { engine } = await hob.startServer(mortal.id);
    const message = hob.message(mortal.id, 'long 2000');
    const res = await hob.post('/api/chat/completions', message);
    assert.equal(res.status, 200);
    const reading = readAnswer(res);
    await new Promise((resolve) => setTimeout(resolve, randomInt(50, 200)));
    const killed = performance.now();
    process.kill(engine.pid, 'SIGKILL');
    const answer = await reading;
    assert.ok(performance.now() - killed < 5000, 'heard at once, not by a time-out');
    assert.ok(answer.error, 'an error event, not a clean end');
    const { messages } = await hob.get(`/api/conversations/${message.conversation_id}`);
    if (answer.text) {
      assert.equal(messages[1].state, 'interrupted');
      assert.equal(messages[1].content, answer.text);
    }
    await hob.post(`/api/servers/${mortal.id}/stop`);
    await hob.untilState(mortal.id, 'stopped');
  }
  const res = await long;
  assert.equal(res.status, 200);
  const generation = res.headers.get('x-generation-id');
  await hob.post(`/api/generations/${generation}/stop`);
  const rest = await readAnswer(res);
  assert.equal(rest.error, null);
  assert.equal(rest.cut, false);
  assert.deepEqual(
    rest.ids,
    rest.ids.map((_, i) => i + 1)
  );
  await hob.stop();
});
