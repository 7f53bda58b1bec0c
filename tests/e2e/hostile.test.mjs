// Everything of lib/hostile.mjs, streamed into the real page: no script runs, nobody but hob is asked, the page
// answers to clicks, and the text can be read.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { axe, closePage, input, newChat, openPage, say, shot, untilPhase } from '../lib/browser.mjs';
import { endOf, LARGE, NAMES, SMALL } from '../lib/hostile.mjs';
import { stage } from '../lib/stage.mjs';

const ENGINE = new URL('../lib/hostile_engine.mjs', import.meta.url).pathname;
const BATCH = 16;
/** Generous: other programs want the processor too. */
const CLICK_MS = 3000;

const { hob, browser } = await stage();
const server = await hob.addCommand('hostile', [process.execPath, ENGINE, '${PORT}']);

/** In the page: gathers what its policy had to stop. */
function guard() {
  window.violations = [];
  document.addEventListener('securitypolicyviolation', (e) =>
    window.violations.push(`${e.violatedDirective} ${e.blockedURI}`)
  );
}

async function guardedPage() {
  const page = await openPage(browser, hob);
  await page.addInitScript(guard);
  page.on('dialog', (dialog) => {
    page.errors.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (r) => {
    if (r.url().includes('evil')) page.errors.push(`request ${r.url()}`);
  });
  page.on('console', (message) => {
    if (message.type() === 'error') page.errors.push(`console ${message.text()}`);
  });
  page.on('popup', () => page.errors.push('a window opened'));
  return page;
}

async function assertUnharmed(page) {
  const state = await page.evaluate(() => ({
    pwned: window.pwned ?? null,
    violations: window.violations,
    bad: [
      ...document.querySelectorAll('[data-role=assistant] :is(script, iframe, object, embed, form, style, link)')
    ].map((el) => el.outerHTML),
    links: [...document.querySelectorAll('[data-markdown] a')]
      .filter(
        (a) => !/^(?:https?|mailto):/.test(a.href) || (a.host !== location.host && a.rel !== 'noopener noreferrer')
      )
      .map((a) => a.outerHTML)
  }));
  assert.deepEqual(state, { pwned: null, violations: [], bad: [], links: [] });
}

/** Clicks into the input as long as the answer comes; the longest that one of them waited, in ms. */
async function clickMeanwhile(page, done) {
  let longest = 0;
  let over = false;
  void done.finally(() => (over = true)).catch(() => {});
  while (!over) {
    const begun = performance.now();
    await input(page).click();
    longest = Math.max(longest, performance.now() - begun);
    await page.waitForTimeout(100);
  }
  await done;
  return longest;
}

async function readAnswer(page, message, cases) {
  await say(page, message);
  const longest = await clickMeanwhile(page, untilPhase(page, message, 'done', 60_000));
  assert.ok(longest < CLICK_MS, `${message}: a click waited ${Math.round(longest)} ms`);
  const text = page.locator('[data-role=assistant]').last();
  // Long code that was there at once is folded.
  const fold = text.locator('.code-fold[aria-expanded=false]');
  if (await fold.count()) await fold.click();
  for (const n of cases) await text.getByText(endOf(n)).first().waitFor({ state: 'attached', timeout: 20_000 });
  await assertUnharmed(page);
}

test('the guards of this test see what is bad', async () => {
  const page = await guardedPage();
  await newChat(page, hob, server);
  await page.evaluate(() => document.body.append(Object.assign(new Image(), { src: 'https://evil.example/x.png' })));
  await page.waitForFunction(() => window.violations.length > 0);
  await assert.rejects(assertUnharmed(page));
  assert.ok(page.errors.length > 0);
  await page.context().close();
});

test('short ones, one character at a time', { timeout: 120_000 }, async () => {
  const page = await guardedPage();
  await newChat(page, hob, server);
  for (let from = 0; from < SMALL.length; from += BATCH) {
    const to = Math.min(from + BATCH, SMALL.length);
    const cases = Array.from({ length: to - from }, (_, i) => from + i);
    await readAnswer(page, `small ${from} ${to}`, cases);
  }
  await axe(page);
  await shot(page, 'hostile');
  await page.reload();
  await page
    .getByText(endOf(SMALL.length - 1))
    .first()
    .waitFor({ state: 'attached' });
  await assertUnharmed(page);
  await closePage(page);
});

test('long ones: the page stays at hand', { timeout: 240_000 }, async () => {
  const page = await guardedPage();
  for (let n = 0; n < LARGE.length; n++) {
    await newChat(page, hob, server);
    await readAnswer(page, `large ${n}`, [n]);
  }
  await closePage(page);
});

test('names of conversations, files and folders', async () => {
  const ids = [];
  for (const name of NAMES) {
    const res = await hob.request(`/api/attachments?name=${encodeURIComponent(name)}`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: `text of ${name}`
    });
    assert.equal(res.status, 201, await res.clone().text());
    const { attachment } = await res.json();
    const content = [
      { type: 'text', text: 'small 0 1' },
      { type: 'file', file: { id: attachment.id, name: attachment.name } }
    ];
    const body = hob.message(server.id, content);
    await (await hob.post('/api/chat/completions', body)).text();
    ids.push(body.conversation_id);
    assert.equal((await hob.send('PATCH', `/api/conversations/${body.conversation_id}`, { title: name })).status, 200);
    assert.ok((await hob.post('/api/folders', { name })).status < 300);
  }
  const page = await guardedPage();
  for (const [n, id] of ids.entries()) {
    await page.goto(`${hob.url}/chat/${id}`);
    await page.locator('[data-role=user]').getByText('small 0 1').waitFor();
    assert.equal(await page.title(), `${NAMES[n]} · hob`);
    await assertUnharmed(page);
  }
  await shot(page, 'hostile-names');
  await closePage(page);
});
