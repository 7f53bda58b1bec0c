// The real llama-server with a GGUF file of 2 GB: found, made a server by a click, chatted with from stopped.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, statfsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { Hob, until } from '../lib/hob.mjs';
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
  if (skip) return;
  if (!existsSync(LLAMA)) execFileSync(GET, [], { stdio: 'inherit' });
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
