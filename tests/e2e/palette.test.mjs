// From anywhere: the palette, the shortcuts and their help, and taking conversations along.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Hob, readAnswer, until } from '../lib/hob.mjs';
import {
  answer,
  axe,
  closePage,
  DESKTOP,
  input,
  launch,
  openPage,
  PHONE,
  say,
  shot,
  untilPhase
} from '../lib/browser.mjs';

let hob, browser, fast;
before(async () => {
  hob = await Hob.start();
  browser = await launch();
  fast = await hob.addDemo('fast', ['--tokens-per-second', '0']);
  await hob.startServer(fast.id);
  const slow = await hob.addDemo('slow', ['--tokens-per-second', '15']);
  await hob.startServer(slow.id);
});
after(async () => {
  await browser?.close();
  await hob?.stop();
});

/** A conversation with one message and its answer; gives their ids. */
async function keep(title, content = `echo about ${title}`) {
  const body = hob.message('fast', content);
  const res = await hob.post('/api/chat/completions', body);
  assert.equal(res.status, 200);
  assert.ok((await readAnswer(res)).done);
  const id = body.conversation_id;
  await hob.send('PATCH', `/api/conversations/${id}`, { title });
  return { id, title, message: body.message.id };
}
const titles = async () => (await hob.get('/api/conversations')).conversations.map((c) => c.title).sort();
async function emptyOut() {
  const ids = (await hob.get('/api/conversations')).conversations.map((c) => c.id);
  if (ids.length > 0) await hob.post('/api/conversations/bulk', { ids, delete: true });
}
async function fromUserMenu(page, item) {
  if (page.viewportSize().width < DESKTOP.width) await page.getByRole('button', { name: 'Menu', exact: true }).click();
  await page.getByRole('button', { name: /^Account of/ }).click();
  await page.getByRole('menuitem', { name: item }).click();
}

describe('export and import', () => {
  for (const [name, viewport, dark] of [
    ['desktop', DESKTOP, false],
    ['phone-dark', PHONE, true]
  ])
    test(`all leave as a file and come back from it (${name})`, async () => {
      await emptyOut();
      for (const title of ['Bread', 'Trains']) await keep(title);
      const page = await openPage(browser, hob, { viewport, dark });
      await page.goto(`${hob.url}/chat`);
      await fromUserMenu(page, 'Export and import');
      const dialog = page.getByRole('dialog', { name: 'Export and import' });
      const coming = page.waitForEvent('download');
      await dialog.getByRole('link', { name: 'Export as JSON' }).click();
      const file = join(hob.dir, `${name}.json`);
      await (await coming).saveAs(file);
      const reading = page.waitForEvent('download');
      await dialog.getByRole('link', { name: 'Export as Markdown' }).click();
      assert.match(
        await readFile(await (await reading).path(), 'utf8'),
        /about Bread[\s\S]*about Trains|about Trains[\s\S]*about Bread/
      );

      await emptyOut();
      const picker = dialog.locator('input[type=file]');
      await picker.setInputFiles(file);
      await dialog.getByText('Imported 2 conversations with 4 messages.').waitFor();
      assert.deepEqual(await titles(), ['Bread', 'Trains']);
      await picker.setInputFiles(file);
      await dialog.getByText('Nothing new: 2 conversations were there already.').waitFor();

      const bad = join(hob.dir, `${name}-bad.json`);
      await writeFile(bad, (await readFile(file, 'utf8')).replace('"Bread"', '7'));
      await emptyOut();
      await picker.setInputFiles(bad);
      const alert = dialog.getByRole('alert');
      await alert.getByText(/line \d+, column \d+.*Nothing was imported\./i).waitFor();
      assert.deepEqual(await titles(), []);
      await axe(page);
      await shot(page, `transfer-${name}`);
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      await closePage(page);
    });

  test('says how far it is, and can be called off', async () => {
    await emptyOut();
    const page = await openPage(browser, hob);
    await page.goto(`${hob.url}/chat`);
    await fromUserMenu(page, 'Export and import');
    const dialog = page.getByRole('dialog', { name: 'Export and import' });
    const client = await page.context().newCDPSession(page);
    await client.send('Network.emulateNetworkConditions', {
      offline: false,
      latency: 0,
      downloadThroughput: -1,
      uploadThroughput: 200_000
    });
    await dialog.locator('input[type=file]').setInputFiles({
      name: 'big.json',
      mimeType: 'application/json',
      buffer: Buffer.from(`${' '.repeat(8_000_000)}{`)
    });
    await dialog.getByText(/of 8 MB, \d+ %/).waitFor();
    await axe(page);
    await shot(page, 'transfer-sending');
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await dialog.getByText('Cancelled. Nothing was imported.').waitFor();
    await closePage(page);
  });
});

const palette = (page) => page.getByRole('dialog', { name: 'Command palette' });
const option = (page, name) => palette(page).getByRole('option', { name });
const isFocused = (locator) => locator.evaluate((el) => el === document.activeElement);
/** Opens the palette, types, and takes the first entry. */
async function command(page, text, wanted) {
  await page.keyboard.press('Control+k');
  await until(() => isFocused(palette(page).getByRole('combobox')), 'the palette has the focus');
  await page.keyboard.type(text);
  const first = palette(page).getByRole('option').first();
  await first.and(option(page, wanted)).waitFor();
  await until(async () => (await first.getAttribute('aria-selected')) === 'true', 'the first is selected');
  await page.keyboard.press('Enter');
  await palette(page).waitFor({ state: 'detached' });
}

describe('by keyboard alone', () => {
  test('the palette opens pages, finds a message and changes the conversation', async () => {
    await emptyOut();
    const bread = await keep('Bread', 'echo the sourdough starter');
    await keep('Trains');
    const page = await openPage(browser, hob);
    await page.goto(`${hob.url}/chat`);
    await page.getByRole('link', { name: 'Trains' }).waitFor();
    await until(() => isFocused(input(page)), 'the input has the focus');
    await page.keyboard.press('Control+k');
    await option(page, 'Trains').waitFor();
    await axe(page);
    await shot(page, 'palette-desktop');
    await page.keyboard.type('zzzz');
    await palette(page).getByText('No command, title or message has these words.').waitFor();
    await shot(page, 'palette-empty');
    await page.keyboard.press('Escape');
    await palette(page).waitFor({ state: 'detached' });
    await until(() => isFocused(input(page)), 'the focus is back in the input');

    await command(page, 'sourdough', /Bread.*sourdough/);
    await page.waitForURL(new RegExp(`/chat/${bread.id}\\?m=`));
    await command(page, 'pin this', 'Pin this conversation');
    await page.getByRole('heading', { name: 'Pinned' }).waitFor();
    await command(page, 'rename', 'Rename this conversation');
    const renaming = page.getByRole('dialog', { name: 'Rename conversation' });
    const name = renaming.getByRole('textbox');
    await until(() => isFocused(name), 'the name has the focus');
    await name.fill('Sourdough');
    await page.keyboard.press('Enter');
    await renaming.waitFor({ state: 'detached' });
    await until(async () => (await titles()).includes('Sourdough'), 'hob has the new title');
    await command(page, 'with slow', 'Answer here with slow');
    await page.getByRole('button', { name: /^Server: slow/ }).waitFor();
    await page.keyboard.press('Shift+Escape');
    await say(page, 'long 400');
    await untilPhase(page, 'long 400', 'streaming');
    await command(page, 'stop', 'Stop the answer');
    await untilPhase(page, 'long 400', 'stopped');
    await command(page, 'delete', 'Delete this conversation');
    await page.getByText('Deleted "Sourdough"').first().waitFor();
    await page.getByRole('button', { name: 'Undo' }).first().click();
    await command(page, 'servers', 'Servers');
    await page.waitForURL('**/servers');
    await closePage(page);
  });

  test('each shortcut does what the help sheet says', async () => {
    await emptyOut();
    for (const title of ['One', 'Two', 'Three']) await keep(title);
    const page = await openPage(browser, hob);
    await page.goto(`${hob.url}/chat`);
    await page.getByRole('link', { name: 'Three' }).waitFor();
    const heading = (name) => page.getByRole('heading', { level: 1, name, exact: true });
    await page.keyboard.press('Alt+ArrowDown');
    await heading('Three').waitFor({ state: 'attached' });
    await page.keyboard.press('Alt+ArrowDown');
    await heading('Two').waitFor({ state: 'attached' });
    await page.keyboard.press('Alt+ArrowUp');
    await heading('Three').waitFor({ state: 'attached' });
    await page.keyboard.press('Control+Shift+Enter');
    await page.getByText('The last answer was copied.').waitFor();
    assert.match(await page.evaluate(() => navigator.clipboard.readText()), /about Three/);
    await page.keyboard.press('Control+b');
    await page.getByRole('button', { name: 'Open sidebar' }).waitFor();
    await page.keyboard.press('Control+Shift+f');
    await until(
      () => isFocused(page.getByRole('combobox', { name: 'Search conversations' })),
      'the search has the focus'
    );
    await page.keyboard.press('Shift+Escape');
    await until(() => isFocused(input(page)), 'the input has the focus');
    await page.keyboard.press('Control+Shift+o');
    await page.waitForURL('**/chat');
    await page.keyboard.press('Control+/');
    const sheet = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
    await sheet.getByText('Previous conversation').waitFor();
    await axe(page);
    await shot(page, 'shortcuts-desktop');
    await page.keyboard.press('Control+Shift+o');
    await page.keyboard.press('Control+/');
    await sheet.waitFor({ state: 'detached' });
    await page.keyboard.type('k/b');
    assert.equal(await input(page).inputValue(), 'k/b', 'characters alone are text');
    await closePage(page);
  });
});

test('on a phone the menu opens the palette and the help', async () => {
  await emptyOut();
  await keep('Bread');
  const page = await openPage(browser, hob, { viewport: PHONE, dark: true });
  await page.goto(`${hob.url}/chat`);
  await fromUserMenu(page, 'Keyboard shortcuts');
  const sheet = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
  await sheet.waitFor();
  await axe(page);
  await shot(page, 'shortcuts-phone-dark');
  await sheet.getByRole('button', { name: 'Close' }).click();
  await sheet.waitFor({ state: 'detached' });
  await fromUserMenu(page, 'Command palette');
  await option(page, 'Bread').waitFor();
  await axe(page);
  await shot(page, 'palette-phone-dark');
  await option(page, 'Bread').click();
  await page.getByRole('heading', { level: 1, name: 'Bread' }).waitFor({ state: 'attached' });
  await closePage(page);
});
