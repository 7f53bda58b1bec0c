// From the set-up link to the first answer, and the pages around the chat.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import {
  answer,
  axe,
  closePage,
  command,
  input,
  openPage,
  PHONE,
  shot,
  tabTo,
  untilFocused,
  untilFocusedIn,
  untilPhase
} from '../lib/browser.mjs';
import { ADMIN } from '../lib/hob.mjs';
import { stage } from '../lib/stage.mjs';

const { hob, browser } = await stage({ setup: false });

test('by keyboard alone: set up by the printed link, chat with the stopped demo, edit, set, search, export', async () => {
  const page = await openPage(browser, hob, { signedIn: false });
  await page.goto(hob.url);
  await page.waitForURL('**/setup');
  await page.goto(`${hob.url}/setup?token=${hob.setupToken}`);
  await page.getByLabel('Name').waitFor();
  await tabTo(page, /^Name/);
  await page.keyboard.type(ADMIN.name);
  await tabTo(page, /^Password/);
  await page.keyboard.type(ADMIN.password);
  assert.ok(!page.url().includes('token'), 'the token leaves the address bar');
  await axe(page, 'setup');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/chat');
  await page.getByRole('button', { name: /Server: demo, Stopped/i }).waitFor();
  await axe(page, 'empty-chat');
  await untilFocused(input(page));
  await page.keyboard.type('What can hob do?');
  await page.keyboard.press('Enter');
  await page.getByText('Connecting to model... (attempt 1/3)').waitFor();
  await shot(page, 'first-connecting');
  await untilPhase(page, 'What can hob do?', 'done');
  assert.match(await answer(page, 'What can hob do?').innerText(), /hob/);
  await shot(page, 'first-answer');

  await page.keyboard.press('ArrowUp');
  await untilFocused(page.getByRole('textbox', { name: 'Edit message' }));
  await page.keyboard.press('Control+a');
  await page.keyboard.type('echo the wandering giraffe');
  await page.keyboard.press('Control+Enter');
  const edited = await untilPhase(page, 'echo the wandering giraffe', 'done');
  await edited.getByText('2/2').waitFor();
  await untilFocused(input(page));
  await tabTo(page, /^Settings of this conversation/);
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: 'Settings of this conversation' }).waitFor();
  await tabTo(page, /^Temperature/);
  await page.keyboard.type('0.2');
  await page.getByText('Saved').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });

  await page.keyboard.press('Control+Shift+f');
  await page.keyboard.type('giraffe'); // the first letter, too
  await page.getByRole('option').locator('mark').first().waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\?m=/);
  const coming = page.waitForEvent('download');
  await command(page, 'as markdown', 'Export this conversation as Markdown');
  assert.match(await readFile(await (await coming).path(), 'utf8'), /the wandering giraffe/);
  await command(page, 'import', 'Export and import');
  await untilFocusedIn(page.getByRole('dialog', { name: 'Export and import' }));
  await tabTo(page, /^Export as JSON$/);
  const all = page.waitForEvent('download');
  await page.keyboard.press('Enter');
  const { items } = JSON.parse(await readFile(await (await all).path(), 'utf8'));
  assert.equal(items.filter((item) => item.type === 'message').length, 4);
  assert.deepEqual(items.find((item) => item.type === 'conversation').options, { temperature: 0.2 });
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await closePage(page);
});

test('a second set-up is refused, a person asks for an account, an admin approves it', async () => {
  await hob.logIn();
  const page = await openPage(browser, hob, { signedIn: false });
  await page.goto(`${hob.url}/login`);
  await axe(page, 'login');
  await page
    .getByRole('button', { name: /ask for an account/i })
    .or(page.getByRole('link', { name: /ask for an account/i }))
    .first()
    .click();
  await page.getByLabel('Name').fill('Ben');
  await page.getByLabel('Password', { exact: true }).fill('another password');
  await page
    .getByRole('button', { name: /ask for (an )?account|send request|request/i })
    .last()
    .click();
  await page.getByText(/admin/i).first().waitFor();
  await shot(page, 'signup-sent');

  const admin = await openPage(browser, hob);
  await admin.goto(`${hob.url}/users`);
  await admin
    .getByRole('button', { name: /approve/i })
    .first()
    .click();
  await admin.getByText('Ben').first().waitFor();
  await axe(admin, 'users');
  await admin.goto(`${hob.url}/keys`);
  await admin.getByLabel('Name of a new key').fill('an editor');
  await admin.getByRole('button', { name: 'Create key' }).click();
  await admin.getByText('It is shown only this once.').waitFor();
  await axe(admin, 'keys');
  await admin.setViewportSize(PHONE);
  await axe(admin, 'keys-phone');

  await page.goto(`${hob.url}/login`);
  await page.getByLabel('Name').fill('Ben');
  await page.getByLabel('Password', { exact: true }).fill('another password');
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.waitForURL('**/chat');
  assert.deepEqual(page.errors, []);
  await page.context().close();
  await admin.context().close();
});

test('the Servers page shows a load, its log and a failure, and starts, stops and links into the chat', async () => {
  await hob.logIn();
  const loading = await hob.addDemo('big', ['--load-seconds', '6', '--log-lines', '30']);
  const failing = await hob.addDemo('broken', ['--load-seconds', '0.5', '--die-while-loading']);
  await hob.post(`/api/servers/${failing.id}/start`);
  await hob.untilState(failing.id, 'failed');
  const page = await openPage(browser, hob);
  await page.goto(`${hob.url}/servers`);
  const tile = (name) => page.getByRole('article', { name, exact: true });
  await tile('big').getByRole('button', { name: /start/i }).first().click();
  await tile('big')
    .getByText(/loading \d+ %/i)
    .waitFor();
  await tile('broken')
    .getByText(/exited with code 1/)
    .waitFor();
  await axe(page, 'servers');
  await hob.untilState(loading.id, 'ready');
  await tile('big').getByText(/ready/i).first().waitFor();
  await page.goto(`${hob.url}/servers/${loading.id}`);
  await page.getByRole('log').getByText(/\S/).first().waitFor();
  await axe(page, 'server-detail');
  assert.deepEqual(page.errors, []);
  await page.context().close();

  const phone = await openPage(browser, hob, { viewport: PHONE });
  await phone.goto(`${hob.url}/servers`);
  await phone.getByText('broken').first().waitFor();
  assert.ok((await phone.evaluate(() => document.documentElement.scrollWidth)) <= PHONE.width);
  await axe(phone, 'servers-phone');
  await phone.context().close();
});
