// From anywhere: the palette, the shortcuts and their help, and taking conversations along.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  axe,
  closePage,
  command,
  DESKTOP,
  fromUserMenu,
  input,
  openPage,
  palette,
  PHONE,
  railOf,
  say,
  shot,
  untilFocused,
  untilPhase
} from '../lib/browser.mjs';
import { until } from '../lib/hob.mjs';
import { stage } from '../lib/stage.mjs';
import { emptyOut, exported, keep, titles } from '../lib/talk.mjs';

const { hob, browser } = await stage();
await hob.addReady('fast', ['--tokens-per-second', '0']);
await hob.addReady('slow', ['--tokens-per-second', '15']);

describe('export and import', () => {
  for (const [name, viewport] of [
    ['desktop', DESKTOP],
    ['phone', PHONE]
  ])
    test(`all leave as a file and come back from it (${name})`, async () => {
      await emptyOut(hob);
      for (const title of ['Bread', 'Trains']) await keep(hob, title);
      const page = await openPage(browser, hob, { viewport });
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

      await emptyOut(hob);
      const picker = dialog.locator('input[type=file]');
      await picker.setInputFiles(file);
      await dialog.getByText('Imported 2 conversations with 4 messages.').waitFor();
      assert.deepEqual(await titles(hob), ['Bread', 'Trains']);
      await dialog.getByRole('heading', { name: 'Export', exact: true }).evaluate(
        (el, text) => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([text], 'dropped.json', { type: 'application/json' }));
          for (const name of ['dragenter', 'dragover', 'drop'])
            el.dispatchEvent(new DragEvent(name, { dataTransfer, bubbles: true, cancelable: true }));
        },
        await readFile(file, 'utf8')
      );
      await dialog.getByText('Nothing new: 2 conversations were there already.').waitFor();

      const bad = join(hob.dir, `${name}-bad.json`);
      await writeFile(bad, (await readFile(file, 'utf8')).replace('"Bread"', '7'));
      await emptyOut(hob);
      await picker.setInputFiles(bad);
      const alert = dialog.getByRole('alert');
      await alert.getByText(/line \d+, column \d+.*Nothing was imported\./i).waitFor();
      assert.deepEqual(await titles(hob), []);
      await axe(page, `transfer-${name}`);
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      await closePage(page);
    });

  test('says how far it is, and can be called off', async () => {
    await emptyOut(hob);
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
    await axe(page, 'transfer-sending');
    const second = await openPage(browser, hob, { viewport: PHONE });
    await second.goto(`${hob.url}/chat`);
    await fromUserMenu(second, 'Export and import');
    await second.locator('input[type=file][accept*=json]').setInputFiles({
      name: 'small.json',
      mimeType: 'application/json',
      buffer: Buffer.from(JSON.stringify(exported([])))
    });
    await second.getByText('An import of yours is under way. Wait for its end, then import again.').waitFor();
    await closePage(second);
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await dialog.getByText('Cancelled. Nothing was imported.').waitFor();
    await closePage(page);
  });
});

const option = (page, name) => palette(page).getByRole('option', { name });
describe('by keyboard alone', () => {
  test('the palette opens pages, finds a message and changes the conversation', async () => {
    await emptyOut(hob);
    const bread = await keep(hob, 'Bread', 'echo the sourdough starter');
    await keep(hob, 'Trains');
    const page = await openPage(browser, hob);
    await page.goto(`${hob.url}/chat`);
    await page.getByRole('link', { name: 'Trains' }).waitFor();
    await untilFocused(input(page));
    await page.keyboard.press('Control+k');
    await option(page, 'Trains').waitFor();
    await axe(page, 'palette-desktop');
    await page.keyboard.type('zzzz');
    await palette(page).getByText('No command, title or message has these words.').waitFor();
    await shot(page, 'palette-empty');
    await page.keyboard.press('Escape');
    await palette(page).waitFor({ state: 'detached' });
    await untilFocused(input(page));

    await command(page, 'sourdough', /Bread.*sourdough/);
    await page.waitForURL(new RegExp(`/chat/${bread.id}\\?m=`));
    await command(page, 'pin this', 'Pin this conversation');
    await page.getByRole('heading', { name: 'Pinned' }).waitFor();
    await command(page, 'rename', 'Rename this conversation');
    const renaming = page.getByRole('dialog', { name: 'Rename conversation' });
    const name = renaming.getByRole('textbox');
    await untilFocused(name);
    await name.fill('Sourdough');
    await page.keyboard.press('Enter');
    await renaming.waitFor({ state: 'detached' });
    await until(async () => (await titles(hob)).includes('Sourdough'), 'hob has the new title');
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
    await emptyOut(hob);
    for (const title of ['One', 'Two', 'Three']) await keep(hob, title);
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
    await untilFocused(page.getByRole('combobox', { name: 'Search conversations' }));
    await page.keyboard.press('Shift+Escape');
    await untilFocused(input(page));
    await page.keyboard.press('Control+Shift+o');
    await page.waitForURL('**/chat');
    await page.keyboard.press('Control+/');
    const sheet = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
    await sheet.getByText('Previous conversation').waitFor();
    await axe(page, 'shortcuts-desktop');
    await page.keyboard.press('Control+Shift+o');
    await page.keyboard.press('Control+/');
    await sheet.waitFor({ state: 'detached' });
    await page.keyboard.type('k/b');
    assert.equal(await input(page).inputValue(), 'k/b', 'characters alone are text');
    // What is written stays where it was written.
    await page.keyboard.press('Alt+ArrowDown');
    await heading('Three').waitFor({ state: 'attached' });
    assert.equal(await input(page).inputValue(), '');
    await page.keyboard.type('for Three');
    await page.reload();
    await heading('Three').waitFor({ state: 'attached' });
    await untilFocused(input(page));
    assert.equal(await input(page).inputValue(), 'for Three');
    await page.keyboard.press('Control+Shift+o');
    await page.waitForURL('**/chat');
    assert.equal(await input(page).inputValue(), 'k/b');
    await closePage(page);
  });
});

test('on a phone the menu opens the palette and the help, and what is written stays', async () => {
  await emptyOut(hob);
  await keep(hob, 'Bread');
  const page = await openPage(browser, hob, { viewport: PHONE });
  await page.goto(`${hob.url}/chat`);
  await fromUserMenu(page, 'Keyboard shortcuts');
  const sheet = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
  await sheet.waitFor();
  await axe(page, 'shortcuts-phone');
  await sheet.getByRole('button', { name: 'Close' }).click();
  await sheet.waitFor({ state: 'detached' });
  await fromUserMenu(page, 'Command palette');
  await option(page, 'Bread').waitFor();
  await axe(page, 'palette-phone');
  await option(page, 'Bread').click();
  const heading = (name) => page.getByRole('heading', { level: 1, name, exact: true });
  await heading('Bread').waitFor({ state: 'attached' });

  // What is written stays where it was written.
  await input(page).fill('for Bread');
  await page.getByRole('link', { name: 'New chat' }).tap();
  await heading('Chat with your models').waitFor();
  assert.equal(await input(page).inputValue(), '');
  await input(page).fill('for another');
  await (await railOf(page)).getByRole('link', { name: 'Bread' }).tap();
  await heading('Bread').waitFor({ state: 'attached' });
  await page.reload();
  await heading('Bread').waitFor({ state: 'attached' });
  assert.equal(await input(page).inputValue(), 'for Bread');
  await page.getByRole('link', { name: 'New chat' }).tap();
  await heading('Chat with your models').waitFor();
  assert.equal(await input(page).inputValue(), 'for another');
  await closePage(page);
});
