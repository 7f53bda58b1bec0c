// The real llama-server with a GGUF file of 2 GB: found, made a server by a click, chatted with from stopped.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, statfsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { events, Hob, readAnswer, until } from '../lib/hob.mjs';
import { answer, launch, openPage, say, shot, watchPosts } from '../lib/browser.mjs';

const SIZE_GB = Number(process.env.HOB_TEST_MODEL_GB ?? 2);
const LLAMA = process.env.LLAMA_SERVER ?? new URL('../../.deps/llama-server/llama-server', import.meta.url).pathname;
const TOOL = new URL('../tools/make_gguf.py', import.meta.url).pathname;
const GET = new URL('../../script/get-llama-server', import.meta.url).pathname;

const free = statfsSync(tmpdir());
const skip =
  free.bavail * free.bsize < (SIZE_GB + 1) * 2 ** 30 &&
  `the disk lacks room for a model of ${SIZE_GB} GB in ${tmpdir()}`;

let hob, browser, dir;
before(async () => {
  if (!existsSync(LLAMA)) execFileSync(GET, [], { stdio: 'inherit' });
  if (skip) return;
  dir = await mkdtemp(join(tmpdir(), 'hob-'));
  await mkdir(join(dir, 'models'), { recursive: true });
  const shape = ['--size', `${SIZE_GB}G`, '--embd', '2048', '--ff', '5632', '--heads', '16', '--kv', '16'];
  execFileSync('python3', [TOOL, join(dir, 'models', 'random-2g.gguf'), ...shape, '--name', 'random-2g']);
  hob = await Hob.start({ dir, env: { HOB_LLAMA_SERVER_DIR: dirname(LLAMA) } });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await hob?.stop();
  if (dir) await rm(dir, { recursive: true, force: true });
});

test('a message to a stopped llama-server waits for the load and is answered', { skip, timeout: 240000 }, async () => {
  const page = await openPage(browser, hob);
  await page.goto(`${hob.url}/servers`);
  await page
    .getByRole('button', { name: /add (a )?server/i })
    .first()
    .click();
  await page.getByText('random-2g').first().waitFor();
  await shot(page, 'add-server');
  await page
    .getByRole('button', { name: /make a server/i })
    .first()
    .click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  const server = await hob.server('random-2g');
  assert.equal(server.kind, 'llama-server');
  await hob.send('PATCH', `/api/servers/${server.id}`, { args: ['-c', '512', '-t', '2'] });

  await page.goto(`${hob.url}/chat?server=${server.id}`);
  const posts = watchPosts(page);
  await page.getByRole('button', { name: `Server: ${server.name}` }).waitFor();
  await say(page, 'Write one sentence.');
  await page.getByText(/Connecting to model\.\.\. \(attempt \d\/3\)/).waitFor();
  await page.getByText(/Connecting to model\.\.\. \(attempt \d\/3\) · loading \d+ %/).waitFor({ timeout: 60000 });
  await shot(page, 'llama-connecting');
  await answer(page, 'Write one sentence.').getByText(/\w+/).first().waitFor({ timeout: 120000 });
  await shot(page, 'llama-streaming');
  assert.ok(posts.length >= 2 && posts.length <= 4);
  // Random weights rarely end by themselves: Stop is part of the way.
  const stop = page.getByRole('button', { name: 'Stop', exact: true });
  await stop.click({ timeout: 5000 }).catch(() => undefined);
  const id = page.url().split('/').pop();
  const messages = await until(async () => {
    const found = (await hob.get(`/api/conversations/${id}`)).messages;
    return ['done', 'stopped'].includes(found[1]?.state) && found;
  }, 'the answer has ended');
  assert.ok(messages[1].content.length > 0);
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test('stopping it ends the process cleanly, and its log is kept', { skip, timeout: 60000 }, async () => {
  const server = await hob.server('random-2g');
  await hob.post(`/api/servers/${server.id}/stop`);
  await hob.untilState(server.id, 'stopped', 20000);
  const { lines } = await hob.get(`/api/servers/${server.id}/log?after=0`);
  assert.ok(lines.some((l) => /llama|model/i.test(l.text)));
});

/** Runs use(hob, server) with a model of some megabytes. */
async function withSmall(shape, options, use) {
  const dir = await mkdtemp(join(tmpdir(), 'hob-'));
  const model_path = join(dir, 'small.gguf');
  execFileSync('python3', [TOOL, model_path, '--ctx', '4096', '--name', 'small', ...shape]);
  const hob = await Hob.start({ dir, env: { HOB_LLAMA_SERVER_DIR: dirname(LLAMA) }, ...options });
  try {
    const args = ['-c', '4096', '-t', '1', '-np', '1'];
    const system_prompt = 'Be brief. '.repeat(40);
    const made = await hob.post('/api/servers', {
      name: 'small',
      kind: 'llama-server',
      model_path,
      args,
      system_prompt
    });
    const { server } = await made.json();
    await hob.startServer(server.id);
    await use(hob, server);
  } finally {
    await hob.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

test('a title costs little more than its question: the rest of its prompt is in the cache, and stays there', () =>
  withSmall([], { titles: 'model' }, async (hob, server) => {
    /** How many tokens of each prompt had to be read. */
    const read = async () => {
      const { lines } = await hob.get(`/api/servers/${server.id}/log?after=0`);
      return lines.flatMap((l) => {
        const found = /prompt eval time = .* (\d+) tokens \(/.exec(l.text);
        return found ? [Number(found[1])] : [];
      });
    };
    const untilRead = (n) =>
      until(async () => (await read()).length === n && read(), `${n} prompts were read`, { ms: 60000, every: 100 });
    const body = hob.message(server.id, 'Tell a story about a cat. '.repeat(60), { options: { max_tokens: 16 } });
    const res = await hob.post('/api/chat/completions', body);
    const first = await readAnswer(res);
    const whole = first.done.meta.prompt_tokens;
    assert.ok(whole > 600, `a long prompt: ${whole}`);
    const [chat, title] = await untilRead(2);
    assert.ok(chat >= whole && title < whole / 3, `${chat} of the message, ${title} of the title`);
    const more = { conversation_id: body.conversation_id, parent_id: res.headers.get('x-answer-id') };
    const next = await readAnswer(
      await hob.post('/api/chat/completions', hob.message(server.id, 'And?', { ...more, options: { max_tokens: 4 } }))
    );
    assert.ok(next.done.meta.prompt_tokens > whole);
    const last = (await untilRead(3)).at(-1);
    assert.ok(last < 64, `${last} of the next message`);
  }));

test('an answer that was stopped while the model was thinking is gone on with there', () =>
  withSmall(
    ['--think', '3', '--layers', '16', '--embd', '512', '--ff', '1408', '--heads', '8', '--kv', '8'],
    {},
    async (hob, server) => {
      const stored = async ({ conversation_id }) =>
        (await hob.get(`/api/conversations/${conversation_id}`)).messages[1];
      /** Stopped at its first thought; it may have gone on to its answer by then. */
      async function stopped(seed) {
        const body = hob.message(server.id, 'Tell a story about a cat.', { options: { seed, max_tokens: 200 } });
        const res = await hob.post('/api/chat/completions', body);
        const id = res.headers.get('x-generation-id');
        for await (const ev of events(res))
          if (/"reasoning_content":/.test(ev.data ?? '')) await hob.post(`/api/generations/${id}/stop`, {});
        const { state, reasoning, content } = await stored(body);
        return state === 'stopped' && reasoning && !content && body;
      }
      let seed = 0;
      const body = await until(() => stopped(++seed), 'it is stopped while it thinks', { ms: 60000 });
      const before = await stored(body);
      const options = { temperature: 0, max_tokens: 8 };
      const more = await readAnswer(await hob.post('/api/chat/completions', { ...body, mode: 'continue', options }));
      assert.equal(more.done.state, 'done');
      const after = await stored(body);
      assert.equal(after.reasoning, before.reasoning + more.reasoning);
      // The beginning is a part of the prompt: what the user wrote is no more than that of the first.
      const again = hob.message(server.id, body.message.content, { options });
      const fresh = await readAnswer(await hob.post('/api/chat/completions', again));
      const [all, asked] = [more, fresh].map((a) => a.done.meta.prompt_tokens);
      assert.ok(all > asked, `${all} tokens with the beginning, ${asked} without`);
    }
  ));
