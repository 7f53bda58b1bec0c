// Everything of lib/hostile.mjs, streamed into the real page: no script runs, nobody but hob is asked, the page
// answers to clicks, and the text can be read.
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import {
  axe,
  closePage,
  fromUserMenu,
  input,
  newChat,
  openPage,
  railOf,
  say,
  shot,
  untilPhase
} from '../lib/browser.mjs';
import { endOf, LARGE, NAMES, SMALL } from '../lib/hostile.mjs';
import { stage } from '../lib/stage.mjs';
import { conversationItem, emptyOut, generationItem, importItems, messageItem } from '../lib/talk.mjs';

const ENGINE = new URL('../lib/hostile_engine.mjs', import.meta.url).pathname;
const BATCH = 16;
/** What hangs hangs for longer; other programs want the processor too. */
const CLICK_MS = 10_000;

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
      ...document.querySelectorAll('[data-role=assistant] :is(script, iframe, object, embed, form, style, link)'),
      ...[...document.querySelectorAll('body *')].filter((el) =>
        el.getAttributeNames().some((name) => name.startsWith('on'))
      )
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
  await axe(page, 'hostile');
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

test('names of files that are attached', async () => {
  const plain = await hob.addReady('plain', ['--tokens-per-second', '300']);
  const page = await guardedPage();
  await newChat(page, hob, plain);
  const choosing = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Attach files' }).click();
  const files = NAMES.map((name) => ({ name, mimeType: '', buffer: Buffer.from(`what is in ${name}`) }));
  await (await choosing).setFiles(files);
  const chips = page.getByRole('list', { name: 'Attachments' }).getByRole('listitem');
  await chips
    .and(page.locator('[data-file=ready]'))
    .nth(NAMES.length - 1)
    .waitFor();
  for (const name of NAMES) await chips.getByText(name, { exact: true }).waitFor();
  await assertUnharmed(page);
  await axe(page, 'hostile-files');
  await page.getByRole('button', { name: `Remove ${NAMES[0]}`, exact: true }).click();
  await chips.nth(NAMES.length - 1).waitFor({ state: 'detached' });
  await say(page, 'echo what are these');
  await untilPhase(page, 'echo what are these', 'done');
  for (const name of NAMES.slice(1)) await page.getByRole('link', { name, exact: true }).waitFor();
  await assertUnharmed(page);
  await page.reload();
  await page.getByRole('link', { name: NAMES[1], exact: true }).waitFor();
  await assertUnharmed(page);
  await closePage(page);
});

/** An export in which everything that has a name, or comes from a model, has this one. */
function talkOf(name, n) {
  const folder = { type: 'folder', id: randomUUID(), name: `${name} ${n}`, created_at: 1 };
  const data = Buffer.from(`text of ${name}`);
  const file = { type: 'attachment', id: randomUUID(), name, mime: 'text/plain', created_at: 1 };
  Object.assign(file, { data: data.toString('base64'), sha256: createHash('sha256').update(data).digest('hex') });
  const talk = conversationItem({ title: `${name} needle`, folder_id: folder.id, system_prompt: name });
  const question = messageItem(talk, null, [
    { type: 'text', text: `${name} needle` },
    { type: 'file', file: { id: file.id, name } }
  ]);
  const calls = [{ id: name, type: 'function', function: { name, arguments: name } }];
  const answer = messageItem(talk, question, name, { reasoning: name, tool_calls: calls });
  const how = generationItem(question, answer, {
    state: 'interrupted',
    options: { stop: [name] },
    error: { message: name, type: name, code: name, retryable: false },
    meta: { model: name, finish_reason: name, reasoning_ms: 1200 }
  });
  return [folder, file, talk, question, answer, how];
}

test('names and all else of an import, wherever the page shows them', { timeout: 120_000 }, async () => {
  await emptyOut(hob);
  await hob.send('PATCH', `/api/servers/${server.id}`, { name: NAMES[0], system_prompt: NAMES[1] });
  const items = NAMES.map(talkOf);
  await importItems(hob, items.flat());
  const page = await guardedPage();
  await page.goto(`${hob.url}/chat`);
  const rail = await railOf(page);
  const row = (name) => rail.locator('a[data-row]').filter({ hasText: name });
  for (const [n, [folder, file, talk]] of items.entries()) {
    await rail.getByRole('button', { name: `Actions for folder ${folder.name}`, exact: true }).waitFor();
    await row(talk.title).click();
    await page.waitForURL(`**/chat/${talk.id}`);
    const question = page.locator('[data-role=user]');
    await question.getByText(NAMES[n]).first().waitFor();
    await question.getByRole('link', { name: file.name }).waitFor();
    assert.equal(await page.title(), `${talk.title} · hob`);
    await page.locator('[data-reasoning] summary').click();
    await page.locator('[data-tool-calls] summary').click();
    await page.getByRole('region', { name: 'Arguments of' }).waitFor();
    await page.getByRole('button', { name: 'Details', exact: true }).click();
    await page.getByLabel('Details of the answer').getByText(NAMES[n]).first().waitFor();
    await assertUnharmed(page);
    if (n === 0) await shot(page, 'hostile-names');
    await page.keyboard.press('Escape');
    await page.getByLabel('Details of the answer').waitFor({ state: 'detached' });
  }
  // While the answer is there, the browser's own settings of the conversation name server and prompt.
  await page.getByRole('button', { name: 'Settings of this conversation' }).click();
  await page.getByRole('dialog').getByText(NAMES[1]).waitFor();
  await page.keyboard.press('Escape');

  const field = rail.getByRole('combobox', { name: 'Search conversations' });
  await field.fill('needle');
  await rail.locator('[role=option] mark').nth(5).waitFor();
  await assertUnharmed(page);
  await shot(page, 'hostile-search');
  await field.press('Escape');
  await page.keyboard.press('Control+k');
  const palette = page.getByRole('dialog', { name: 'Command palette' });
  await palette.getByRole('combobox').fill('needle');
  await palette.locator('[role=option] mark').nth(2).waitFor();
  await assertUnharmed(page);
  await page.keyboard.press('Escape');

  const [first, second, third] = items.map(([, , talk]) => talk);
  await row(first.title).hover();
  await rail.getByRole('button', { name: `Actions for ${first.title}`, exact: true }).click();
  await page.getByRole('menuitem', { name: 'Move to folder' }).click();
  await page.getByRole('menuitem', { name: items[6][0].name, exact: true }).waitFor();
  await assertUnharmed(page);
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await row(third.title).focus();
  await page.keyboard.press('Delete');
  await rail.getByText(`Deleted "${third.title}"`).waitFor();
  await hob.send('PATCH', `/api/conversations/${second.id}`, { archived: true });
  await page.goto(`${hob.url}/archive`);
  await page.getByRole('button', { name: `Delete ${second.title}`, exact: true }).waitFor();
  await assertUnharmed(page);

  await fromUserMenu(page, 'Export and import');
  const dialog = page.getByRole('dialog', { name: 'Export and import' });
  const bad = { name: NAMES[0], mimeType: 'application/json', buffer: Buffer.from(`{"${NAMES[1]}":0}`) };
  await dialog.locator('input[type=file]').setInputFiles(bad);
  await dialog.getByRole('alert').getByText(`${NAMES[0]} could not be imported`).waitFor();
  await assertUnharmed(page);
  assert.match(page.errors.pop() ?? '', /status of 400/);
  await closePage(page);
});
