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
    for (let i = 0; i < 11; i++) await Promise.all(Array.from({ length: 10 }, () => ask(`missing-${i}`, 'hi')));
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
      await page.goto(`${hob.url}/activity`);
      await rows(page).first().waitFor();
      await page.locator('.u-over').nth(2).waitFor();
      await axe(page, `activity-${size}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${wide} px too wide`);
      await closePage(page);
    });
  }
});
