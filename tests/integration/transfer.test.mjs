// Export and import are a lossless round trip: whatever somebody has, another hob has it after it, and writes the same file.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, describe, test } from 'node:test';
import { Hob, readAnswer, until } from '../lib/hob.mjs';
import { newSeed, random } from '../lib/random.mjs';

/** Three that are the same each time, and a new one, which its test's name tells; SEED=n has that one again. */
const SEEDS = [1, 2, 3, newSeed()];
const T = 1_700_000_000_000;
const TEXTS = [
  'plain',
  'Grüße, 你好 👩‍👩‍👧 שלום \u202eabc\u202c',
  'a "quoted" \\ back\\slash\n\ttab\u0001\u007f\u2028',
  '```js\n</script>{"items":[{}]}\n```',
  '\ud83d\ude00'.repeat(300),
  ' \n blanks at the ends \n ',
  'attachment:00000000-0000-4000-8000-000000000000'
];

/** Makes files with everything that an export can have, the same for the same seed. */
function maker(seed) {
  const rnd = random(seed);
  const below = (n) => Math.floor(rnd() * n);
  const one = (list) => list[below(list.length)];
  const maybe = (value, otherwise = null) => (rnd() < 0.5 ? value() : otherwise);
  const time = () => T + below(1e9);
  const hex = (n) => Array.from({ length: n }, () => below(16).toString(16)).join('');
  const uuid = () => `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`;

  function attachment() {
    const [name, mime, head] = one([
      ['a "b" <c>.txt', 'text/plain', ''],
      ['Straße 图.md', 'text/markdown', '# é\n'],
      ['paper.pdf', 'application/pdf', '%PDF-1.7\n'],
      ['x.png', 'image/png', '\x89PNG\0']
    ]);
    const bytes = Buffer.from(head + hex(1 + below(4000)), mime === 'image/png' ? 'latin1' : 'utf8');
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return { type: 'attachment', id: uuid(), name, mime, sha256, created_at: time(), data: bytes.toString('base64') };
  }

  const options = () => ({
    ...maybe(() => ({ temperature: below(50) / 10 })),
    ...maybe(() => ({ top_p: rnd() })),
    ...maybe(() => ({ stop: maybe(() => 'END', ['a', '\n"']) })),
    seed: below(1000) - 1
  });
  const toolCalls = () =>
    Array.from({ length: 1 + below(3) }, () => ({
      id: hex(6),
      type: 'function',
      function: { name: 'look_up', arguments: JSON.stringify({ q: one(TEXTS) }) }
    }));

  function content(files) {
    if (!files.length || rnd() < 0.6) return one(TEXTS);
    const part = () => {
      const a = one(files);
      if (a.mime.startsWith('image/')) return { type: 'image_url', image_url: { url: `attachment:${a.id}` } };
      return { type: 'file', file: { id: a.id, name: a.name, ...maybe(() => ({ original_id: one(files).id })) } };
    };
    return [{ type: 'text', text: one(TEXTS) }, ...Array.from({ length: 1 + below(3) }, part)];
  }

  function generation(question, answer) {
    const state = one(['done', 'stopped', 'interrupted', 'failed']);
    const error = {
      message: one(TEXTS),
      type: 'server_error',
      param: null,
      code: 'engine_died',
      retryable: rnd() < 0.5
    };
    const meta = {
      model: one(TEXTS),
      prompt_tokens: below(1e6),
      completion_tokens: null,
      tokens_per_s: below(10000) / 64,
      ttft_ms: 1,
      reasoning_ms: null,
      total_ms: 2,
      finish_reason: maybe(() => 'stop')
    };
    return {
      type: 'generation',
      id: uuid(),
      conversation_id: question.conversation_id,
      message_id: question.id,
      answer_id: answer.id,
      server_id: null,
      state,
      options: maybe(options),
      error: state === 'interrupted' || state === 'failed' ? error : null,
      meta: maybe(() => meta),
      continues: rnd() < 0.2,
      created_at: time(),
      finished_at: time()
    };
  }

  /** A conversation and its tree, branching at random. */
  function conversation(folders, files) {
    const c = {
      type: 'conversation',
      id: uuid(),
      title: one(TEXTS).trim().slice(0, 60),
      titled_by: one(['message', 'model', 'user']),
      server_id: null,
      created_at: time(),
      updated_at: time(),
      pinned: rnd() < 0.3,
      archived: rnd() < 0.3,
      folder_id: maybe(() => one(folders)?.id ?? null),
      leaf_id: null,
      options: maybe(options),
      system_prompt: maybe(() => one(TEXTS))
    };
    const [messages, generations] = [[], []];
    for (let n = below(12); n > 0; n--) {
      const parent = messages.length ? maybe(() => one(messages)) : null;
      const role = parent?.role === 'user' ? 'assistant' : 'user';
      const m = {
        type: 'message',
        id: uuid(),
        conversation_id: c.id,
        parent_id: parent?.id ?? null,
        role,
        state: role === 'user' ? one(['pending', 'answered']) : 'done',
        content: role === 'user' ? content(files) : one([...TEXTS, '']),
        reasoning: role === 'user' ? null : maybe(() => one(TEXTS)),
        tool_calls: role === 'user' ? null : maybe(toolCalls),
        server_id: null,
        created_at: time()
      };
      messages.push(m);
      if (role === 'user') continue;
      for (let g = below(3); g > 0; g--) generations.push(generation(parent, m));
      const last = generations.at(-1);
      if (last?.answer_id === m.id) m.state = last.state;
    }
    c.leaf_id = messages.length ? maybe(() => one(messages).id) : null;
    return [c, ...messages, ...generations];
  }

  return function make() {
    const folders = Array.from({ length: below(4) }, (_, i) => {
      return { type: 'folder', id: uuid(), name: `${i} ${one(TEXTS).trim().slice(0, 50)}`, created_at: time() };
    });
    const files = Array.from({ length: below(6) }, attachment);
    const talks = Array.from({ length: 1 + below(8) }, () => conversation(folders, files));
    return { format: 'hob', version: 1, exported_at: T, items: [...folders, ...files, ...talks.flat()] };
  };
}

async function give(hob, file) {
  const res = await hob.post('/api/import', file);
  const done = await res.json();
  assert.equal(res.status, 200, JSON.stringify(done));
  return done;
}

async function take(hob, path = '/api/export') {
  const res = await hob.request(path);
  assert.equal(res.status, 200);
  return JSON.parse(await res.text());
}

/** What must be the same: all but the time of the export. Servers are known by name; {} and '' mean what null means. */
function essence(file, servers = {}) {
  const plain = (item) => {
    const { server_name, options, ...rest } = item;
    const set = Object.keys(options ?? {}).length ? options : null;
    return { ...rest, options: set, server_id: servers[item.server_id] ?? (item.server_id || null) };
  };
  return { ...file, exported_at: null, items: file.items.map(plain) };
}
const byId = (file) => Object.fromEntries(essence(file).items.map((i) => [i.id, i]));

describe('a round trip', () => {
  const started = [];
  const start = async () => {
    const hob = await Hob.start();
    started.push(hob);
    return hob;
  };
  after(() => Promise.all(started.map((hob) => hob.stop())));

  for (const seed of SEEDS) {
    test(`of random conversations (seed ${seed}), all together and one by one`, async () => {
      const made = maker(seed)();
      const [first, second, third] = [await start(), await start(), await start()];
      await give(first, made);
      const once = await take(first);
      assert.deepEqual(byId(once), byId(made));
      const done = await give(second, once);
      assert.equal(done.skipped, 0);
      assert.deepEqual(essence(await take(second)), essence(once));
      const talks = once.items.filter((i) => i.type === 'conversation');
      for (const { id } of talks) {
        const single = await take(first, `/api/conversations/${id}/export`);
        assert.equal((await give(third, single)).conversations, 1);
        assert.deepEqual(essence(await take(third, `/api/conversations/${id}/export`)), essence(single));
      }
      assert.equal((await give(third, once)).skipped, talks.length);
      const attached = new Set(JSON.stringify(once).match(/[0-9a-f-]{36}/g));
      assert.ok(attached.size > 0);
      assert.deepEqual(byId(await take(third)), byId(once));
    });
  }

  test('of conversations that were really had: branches, tool calls, a stop in the middle', async () => {
    const [first, second] = [await start(), await start()];
    const demo = await first.server('demo');
    const slow = await first.addDemo('slow', ['--tokens-per-second', '20']);
    await second.addDemo('slow', ['--tokens-per-second', '20']);
    for (const server of [demo, slow]) await first.startServer(server.id);
    const say = async (server, content, more) => {
      const body = first.message(server.id, content, more);
      const res = await first.post('/api/chat/completions', body);
      assert.equal(res.status, 200);
      return { res, conversation_id: body.conversation_id, parent_id: res.headers.get('x-answer-id') };
    };
    const { res, ...turn } = await say(demo, 'echo one');
    await readAnswer(res);
    await readAnswer((await say(demo, 'call weather {"place": "Köln"}', turn)).res);
    await readAnswer((await say(demo, 'echo another branch', turn)).res);
    const broken = await say(slow, 'essay 300', turn);
    const id = broken.res.headers.get('x-generation-id');
    await until(async () => {
      const { messages } = await first.get(`/api/conversations/${turn.conversation_id}`);
      return messages.some((m) => m.state === 'streaming');
    }, 'it is being written');
    await first.post(`/api/generations/${id}/stop`);
    await readAnswer(broken.res).catch(() => {});
    const once = await take(first);
    await give(second, once);
    const again = await take(second);
    const servers = {};
    for (const name of ['demo', 'slow']) servers[(await second.server(name)).id] = (await first.server(name)).id;
    assert.deepEqual(essence(again, servers), essence(once));
    const { messages } = await second.get(`/api/conversations/${turn.conversation_id}`);
    const before = await first.get(`/api/conversations/${turn.conversation_id}`);
    assert.deepEqual(
      messages.map((m) => ({ ...m, server_id: servers[m.server_id] ?? m.server_id })),
      before.messages
    );
  });
});
