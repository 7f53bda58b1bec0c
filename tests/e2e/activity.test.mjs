// The activity page: what became of requests, filtered, drawn, and live.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { axe, closePage, isPhone, openPage, press, railOf, shot, SIZES } from '../lib/browser.mjs';
import { until } from '../lib/hob.mjs';
import { stage } from '../lib/stage.mjs';

const { hob, browser } = await stage();
await hob.addReady('fast', ['--tokens-per-second', '0']);
const key = await hob.addKey('laptop');

const ask = (model, content) =>
  fetch(`${hob.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ model, messages: [{ role: 'user', content }] })
  }).then((res) => res.text());
const recorded = (n) =>
  until(async () => (await hob.get('/api/activity')).records.length >= n, `${n} records can be read`);

/** The records on the screen: rows of the table, or cards. */
const rows = (page) =>
  isPhone(page)
    ? page.getByRole('list', { name: 'Requests' }).getByRole('listitem')
    : page.getByRole('region', { name: 'Requests' }).locator('tbody tr');

/** A day of a house, with what goes wrong there, in place of what hob has. */
async function showDay(page) {
  const step_ms = 900_000;
  const first = Math.floor(Date.now() / step_ms) * step_ms - 95 * step_ms;
  const wave = (i, most) =>
    Math.max(0, Math.round(most * Math.sin((i * Math.PI) / 64 - 1) * (1 + Math.sin(i * i) / 4)));
  const each = (fn) => Array.from({ length: 96 }, (_, i) => fn(i));
  const series = {
    step_ms,
    at: each((i) => first + i * step_ms),
    requests: each((i) => wave(i, 40)),
    errors: each((i) => (i % 9 === 4 ? wave(i, 5) : 0)),
    tokens_in: each((i) => wave(i, 21_000)),
    tokens_out: each((i) => wave(i, 9_000)),
    first_p50_ms: each((i) => (wave(i, 40) ? Math.round(230 + 30 * Math.sin(i)) : null)),
    first_p95_ms: each((i) => (wave(i, 40) ? Math.round(1100 + 300 * Math.sin(i * i)) : null)),
    held_p50_ms: each(() => 0),
    held_p95_ms: each((i) => (wave(i, 40) ? Math.round(200 + 150 * Math.sin(i / 3)) : null))
  };
  const { records, next } = await hob.get('/api/activity?outcome=ok');
  const said = [
    {
      server: 'Qwen3-8B',
      model: 'gpt-4o-mini',
      tokens_in: 412,
      tokens_out: 388,
      tokens_per_s: 48.2,
      total_ms: 8400,
      first_ms: 330
    },
    {
      server: 'gemma-3-12b',
      model: 'gemma-3-12b',
      route: '/v1/messages',
      user: 'bob',
      key: null,
      tokens_in: 96,
      tokens_out: 204,
      tokens_per_s: 31.9,
      held_ms: 7200,
      first_ms: 7600,
      total_ms: 14_000
    },
    {
      server: null,
      model: null,
      status: 429,
      code: 'rate_limit_exceeded',
      key: 'the nightly job on build-host-17',
      first_ms: null,
      tokens_in: null,
      tokens_out: null,
      total_ms: 0
    },
    {
      server: 'Mistral-Small-3.2-24B-Instruct-2506',
      model: 'mistral',
      status: 503,
      code: 'out_of_memory',
      first_ms: null,
      tokens_in: null,
      tokens_out: null,
      total_ms: 2
    },
    {
      server: 'Qwen3-8B',
      model: 'Qwen3-8B',
      route: '/api/chat/completions',
      key: null,
      client_gone: true,
      tokens_in: 35,
      tokens_out: 61,
      tokens_per_s: 47.5,
      total_ms: 1500,
      first_ms: 190
    },
    {
      server: 'embeddings',
      model: 'text-embedding-3-small',
      route: '/v1/embeddings',
      user: 'bob',
      tokens_in: 2048,
      tokens_out: null,
      total_ms: 41,
      first_ms: 40
    }
  ];
  await page.route('**/api/activity/series*', (route) => route.fulfill({ json: series }));
  await page.route('**/api/activity?*', (route) =>
    route.fulfill({
      json: { records: said.map((r, i) => ({ ...records[i], ...r, at: Date.now() - 90_000 * (i + 1) })), next }
    })
  );
}

describe('the activity page', () => {
  test('says what it is for while nothing was asked', async () => {
    const page = await openPage(browser, hob);
    await page.goto(`${hob.url}/chat`);
    await (await railOf(page)).getByRole('link', { name: 'Activity' }).click();
    await page.getByText('Nothing was asked in this time.').waitFor();
    await shot(page, 'activity-empty');
    await closePage(page);
  });

  test('a request appears by itself, with its figures', async () => {
    const page = await openPage(browser, hob);
    await page.goto(`${hob.url}/activity`);
    await page.getByText('Nothing was asked in this time.').waitFor();
    await ask('fast', 'echo hello');
    const row = rows(page).first();
    await row.waitFor();
    const text = (await row.innerText()).replace(/\s+/g, ' ');
    assert.match(text, /just now ada key laptop fast Chat completion 200 \d+ \d+ \d+ ms \d+ ms \d+ ms/);
    assert.match(
      await page.getByRole('img', { name: /^Requests:/ }).getAttribute('aria-label'),
      /: 1, of which 0 failed/
    );
    await closePage(page);
  });

  test('filters choose, and CSV has the same', async () => {
    await ask('no-such-model', 'hi');
    await recorded(2);
    const page = await openPage(browser, hob);
    await page.goto(`${hob.url}/activity`);
    await until(async () => (await rows(page).count()) === 2, 'both are there');
    await page.getByLabel('Outcome').selectOption('Failed');
    await until(async () => (await rows(page).count()) === 1, 'one of them failed');
    assert.match(await rows(page).first().innerText(), /404 model_not_found/);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'CSV' }).click()
    ]);
    assert.equal(download.suggestedFilename(), 'hob-activity.csv');
    await page.getByLabel('Words').fill('nothing like it');
    await page.getByText('No request fits these filters.').waitFor();
    await closePage(page);
  });

  test('older ones come when they are asked for', async () => {
    for (let i = 0; i < 11; i++) await Promise.all(Array.from({ length: 10 }, () => ask('fast', `echo ${i}`)));
    await recorded(100);
    const page = await openPage(browser, hob);
    await page.goto(`${hob.url}/activity`);
    await until(async () => (await rows(page).count()) === 100, 'a page of them');
    await press(page, page.getByRole('button', { name: 'Show older ones' }));
    await until(async () => (await rows(page).count()) > 110, 'the rest');
    await closePage(page);
  });

  for (const [size, viewport] of SIZES) {
    test(`looks right and is accessible: ${size}`, async () => {
      const page = await openPage(browser, hob, { viewport });
      await showDay(page);
      await page.goto(`${hob.url}/activity`);
      await rows(page).first().waitFor();
      await page.locator('.u-over').nth(2).waitFor();
      await rows(page).getByText('Over a limit of its key or account').waitFor();
      await shot(page, `activity-${size}`, { doc: size === 'desktop' ? 'activity' : undefined });
      await axe(page, `activity-${size}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${wide} px too wide`);
      await closePage(page);
    });
  }
});
