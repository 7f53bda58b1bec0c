// From anywhere: the palette, the shortcuts and their help, and taking conversations along.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Hob, readAnswer, until } from '../lib/hob.mjs';
import { axe, closePage, DESKTOP, launch, openPage, PHONE, shot } from '../lib/browser.mjs';

let hob, browser, fast;
before(async () => {
  hob = await Hob.start();
  browser = await launch();
  fast = await hob.addDemo('fast', ['--tokens-per-second', '0']);
  await hob.startServer(fast.id);
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
