// What the gateway's pages say: who sits in memory and who waits, a server's settings and those of the file, keys and their limits.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { axe, closePage, input, newChat, openPage, press, say, shot, SIZES, untilFocused } from '../lib/browser.mjs';
import { until } from '../lib/hob.mjs';
import { stage } from '../lib/stage.mjs';

const LONG = 'Mistral-Small-3.2-24B-Instruct-2506-of-the-whole-house-Q4_K_M';
const folder = mkdtempSync(join(tmpdir(), 'hob-file-'));
const file = join(folder, 'house.yaml');
writeFileSync(
  file,
  'titles: message\nservers:\n  embeddings:\n    kind: demo\n    aliases: [text-embedding-3-small]\n    answer_s: 900\n'
);
after(() => rmSync(folder, { recursive: true }));
const { hob, browser } = await stage({ args: ['--config', file] });

const tile = (page, name) => page.getByRole('article', { name, exact: true });
const chat = (key, body) =>
  fetch(`${hob.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify(body)
  });
const saying = (model, content) => ({ model, stream: true, messages: [{ role: 'user', content }] });

async function openMenu(page, name, item) {
  await press(page, page.getByRole('button', { name: `More actions for ${name}` }));
  await press(page, page.getByRole('menuitem', { name: item }));
}

async function notWider(page) {
  const wide = await page.evaluate(() => {
    const pane = document.querySelector('main .overflow-y-auto') ?? document.documentElement;
    return Math.max(pane.scrollWidth - pane.clientWidth, document.documentElement.scrollWidth - innerWidth);
  });
  assert.ok(wide <= 0, `${wide} px too wide`);
}

describe('the settings of a server', () => {
  before(() => hob.addDemo('phi-4-mini'));

  test('a fault is told at its field, and what is right is kept', async () => {
    const page = await openPage(browser, hob);
    await page.goto(`${hob.url}/servers`);
    await openMenu(page, 'phi-4-mini', 'Edit');
    const form = page.getByRole('dialog', { name: 'Edit phi-4-mini' });
    await form.getByText('Advanced').click();
    const begin = form.getByLabel('Time to begin an answer');
    await begin.fill('soon');
    await form.getByRole('button', { name: 'Save', exact: true }).click();
    await form.getByText('Type a whole number up to 2,592,000, or nothing.').waitFor();
    await untilFocused(begin);
    await begin.fill('900');
    await form.getByLabel('Longest pause in an answer').fill('120');
    await form.getByLabel('Early header').fill('50');
    const names = form.getByLabel('Other names');
    await names.fill('gpt-4o, text-embedding-3-small');
    await form.getByRole('button', { name: 'Save', exact: true }).click();
    await form.getByText('"text-embedding-3-small" is a name of the server embeddings.').waitFor();
    await untilFocused(names);
    await names.fill('gpt-4o');
    await form.getByRole('button', { name: 'Save', exact: true }).click();
    await form.waitFor({ state: 'detached' });
    const { aliases, answer_s, silence_s, early_header_s } = await hob.server('phi-4-mini');
    assert.deepEqual([aliases, answer_s, silence_s, early_header_s], [['gpt-4o'], 900, 120, 50]);

    await tile(page, 'phi-4-mini').getByRole('link', { name: 'phi-4-mini', exact: true }).click();
    await page.getByText('Time to begin an answer').waitFor();
    await page.getByText('15 min', { exact: true }).waitFor();
    await page.goBack();
    await openMenu(page, 'phi-4-mini', 'Edit');
    await form.getByText('Advanced · 4 set').click();
    assert.equal(await begin.inputValue(), '900');
    await axe(page, 'server-form');
    await closePage(page);
  });

  test('of the file can be read here, and changed only there', async () => {
    const page = await openPage(browser, hob);
    await page.goto(`${hob.url}/servers`);
    await tile(page, 'embeddings').getByText('from house.yaml').waitFor();
    await page.getByRole('button', { name: 'More actions for embeddings' }).click();
    await page.getByRole('menuitem', { name: 'Settings' }).waitFor();
    assert.equal(await page.getByRole('menuitem', { name: /Edit|Remove/ }).count(), 0);
    await page.getByRole('menuitem', { name: 'Settings' }).click();
    const dialog = page.getByRole('dialog', { name: 'embeddings' });
    await dialog.getByText('This server is from house.yaml. Change it there').waitFor();
    await dialog.getByText('text-embedding-3-small').waitFor();
    assert.equal(await dialog.getByRole('textbox').count(), 0);
    await closePage(page);
  });
});

describe('a key', () => {
  test('is made for one model and two requests a minute, and refuses all else in words', async () => {
    const page = await openPage(browser, hob);
    await page.goto(`${hob.url}/keys`);
    await page.getByLabel('Name of a new key').fill('ci-runner');
    await page.getByText('Limits', { exact: true }).click();
    await page.getByLabel('Models').fill('phi*');
    await page.getByLabel('Requests a minute').fill('none');
    await page.getByLabel('Completions', { exact: true }).uncheck();
    await page.getByRole('button', { name: 'Create key' }).click();
    await page.getByText('Type a number from 1 to').waitFor();
    await axe(page, 'key-limits');
    await page.getByLabel('Requests a minute').fill('2');
    await page.getByRole('button', { name: 'Create key' }).click();
    const secret = await page.getByTestId('secret').innerText();
    const row = page.getByRole('listitem').filter({ hasText: 'ci-runner' });
    await row.getByText('Models: phi*').waitFor();
    await row.getByText('2 requests a minute').waitFor();

    const body = saying('phi-4-mini', 'count to 20');
    const other = await chat(secret, { ...body, model: 'embeddings' });
    assert.equal(other.status, 403);
    assert.match((await other.json()).error.code, /model_not_allowed/);
    const statuses = [];
    for (let i = 0; i < 3; i++) {
      const res = await chat(secret, body);
      statuses.push(res.status);
      const text = await res.text();
      if (res.status === 429) assert.match(text, /may make 2 requests in a minute, which are used up/);
    }
    assert.ok(statuses.includes(200) && statuses.at(-1) === 429, String(statuses));

    await page.goto(`${hob.url}/activity`);
    const records = page.getByRole('region', { name: 'Requests' });
    await records.getByText('Over a limit of its key or account').first().waitFor();
    await records.getByText('429 rate_limit_exceeded').first().waitFor();
    await records.getByText('The key is not for this model').waitFor();
    await closePage(page);
  });
});

describe('memory', () => {
  const left = new AbortController();
  let holder, guest;

  /** One answers without end, with others behind it; one loads; one waits until the first is done. */
  before(async () => {
    const key = await hob.addKey('laptop');
    const ask = (name, text) =>
      fetch(`${hob.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
        body: JSON.stringify(saying(name, text)),
        signal: left.signal
      })
        .then((res) => res.text())
        .catch(() => undefined);
    holder = await hob.addReady('Qwen3-8B', ['--memory', '150000000', '--tokens-per-second', '30'], { slots: 2 });
    guest = await hob.addReady('gemma-3-12b', ['--memory', '250000000']);
    await hob.post(`/api/servers/${guest.id}/stop`);
    await hob.untilState(guest.id, 'stopped');
    const { needs_bytes } = (await hob.server('gemma-3-12b')).memory;
    for (let i = 0; i < 5; i++) void ask('Qwen3-8B', 'long 40000');
    await until(async () => (await hob.server('Qwen3-8B')).queue.waiting === 3, 'three wait for a slot');
    await hob.startServer((await hob.addDemo(LONG, ['--load-seconds', '300'])).id, 'loading');
    const { ram } = (await hob.get('/api/memory')).memory;
    const budget_bytes = Math.round(ram.used_bytes + needs_bytes / 2);
    await hob.send('PATCH', '/api/memory', { budget_bytes, turn_s: 3600 });
    void ask('gemma-3-12b', 'echo hi');
    await until(async () => (await hob.server('gemma-3-12b')).memory.waiting_for, 'the guest waits');
  });
  after(() => left.abort());

  for (const [size, viewport] of SIZES) {
    test(`says who has it, who waits, and for what: ${size}`, async () => {
      const page = await openPage(browser, hob, { viewport });
      await page.goto(`${hob.url}/servers`);
      const bar = page.getByTestId('memory-bar');
      await bar.getByText(/^0\.\d GB of 0\.\d GB$/).waitFor();
      await bar.getByText('Qwen3-8B').waitFor();
      await bar.getByText(/, loading$/).waitFor();
      await tile(page, 'Qwen3-8B')
        .getByText(/^Ready for .*2 of 2 slots busy, 3 waiting$/)
        .waitFor();
      const waits = tile(page, 'gemma-3-12b');
      await waits.getByText('Waiting for memory', { exact: true }).waitFor();
      await waits.getByText(/^Needs 0\.\d GB, .+ free; Qwen3-8B is still answering\.$/).waitFor();
      await notWider(page);
      await shot(page, `memory-${size}`, { doc: size === 'desktop' ? 'servers' : undefined });
      await axe(page, `memory-bar-${size}`);
      await closePage(page);
    });
  }

  test('the chat says that its model waits for memory', async () => {
    const page = await openPage(browser, hob);
    await newChat(page, hob, guest);
    await page.getByRole('button', { name: 'Server: gemma-3-12b, Waiting for memory' }).waitFor();
    await say(page, 'are you there?');
    await page.getByText(/waiting for memory, Qwen3-8B is still answering/i).waitFor();
    await input(page).waitFor();
    await closePage(page);
  });

  test('its budget is changed in the dialog, which tells faults', async () => {
    const page = await openPage(browser, hob);
    await page.goto(`${hob.url}/servers`);
    await page.getByRole('button', { name: 'Settings of memory' }).click();
    const dialog = page.getByRole('dialog', { name: 'Memory' });
    await dialog.getByLabel('Budget in GB').fill('plenty');
    await dialog.getByLabel('Turn in seconds').fill('0');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.getByText('Type a number of gigabytes, or nothing.').waitFor();
    await dialog.getByText('Type seconds, from 1 to 3600.').waitFor();
    await axe(page, 'memory-dialog');
    await dialog.getByLabel('Budget in GB').fill('6,5');
    await dialog.getByLabel('Turn in seconds').fill('30');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page
      .getByTestId('memory-bar')
      .getByText(/ of 6\.5 GB$/)
      .waitFor();
    await tile(page, 'gemma-3-12b')
      .getByText(/^Ready for/)
      .waitFor();
    await closePage(page);
  });
});
