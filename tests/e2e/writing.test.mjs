// Writing a message: what is attached, what is said before it goes out, what is set for a conversation.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  axe,
  closePage,
  DESKTOP,
  input,
  isFocused,
  openChat,
  PHONE,
  press,
  say,
  shot,
  SIZES,
  turn,
  untilPhase,
  watchPosts
} from '../lib/browser.mjs';
import { pdf, png, sidewaysJpeg } from '../lib/files.mjs';
import { until } from '../lib/hob.mjs';
import { stage } from '../lib/stage.mjs';

const ENGINE = new URL('../lib/fake_engine.mjs', import.meta.url).pathname;

const { hob, browser } = await stage();
const fast = await hob.addReady('fast', ['--tokens-per-second', '300']);
// Nothing is known of what it sees.
const eyes = await hob.addCommand('eyes', [process.execPath, ENGINE, '${PORT}']);

const chatWith = (server, options) => openChat(browser, hob, server, options);
const chips = (page) => page.getByRole('list', { name: 'Attachments' }).getByRole('listitem');
const chip = (page, name) => chips(page).filter({ hasText: name });

async function attach(page, ...files) {
  const [chooser] = await Promise.all([
    page.waitForEvent('filechooser'),
    page.getByRole('button', { name: 'Attach files' }).click()
  ]);
  await chooser.setFiles(files.map(([name, buffer, mimeType = '']) => ({ name, mimeType, buffer })));
}
async function attached(page, name, state = 'ready') {
  await chip(page, name)
    .and(page.locator(`[data-file=${state}]`))
    .waitFor({ timeout: 60000 });
}

/** Uploads from now on: their names. */
function watchUploads(page) {
  const names = [];
  page.on('request', (r) => {
    const url = new URL(r.url());
    if (r.method() === 'POST' && url.pathname === '/api/attachments') names.push(url.searchParams.get('name'));
  });
  return names;
}

/** What the user message of the conversation on the screen carries. */
async function sentParts(page) {
  const { messages } = await hob.get(`/api/conversations/${page.url().split('/').pop()}`);
  return messages.find((m) => m.role === 'user').content;
}

describe('attachments', { concurrency: 2 }, () => {
  test('a photo of 50 megapixels is made smaller while the page stays alive; a small image goes as it is', async () => {
    const page = await chatWith(eyes);
    const uploads = watchUploads(page);
    await attach(page, ['huge.png', png(8000, 6250), 'image/png'], ['small.png', png(40, 30), 'image/png']);
    await input(page).pressSequentially('one writes on');
    await attached(page, 'huge.jpg');
    await attached(page, 'small.png');
    assert.equal(await input(page).inputValue(), 'one writes on');
    await chip(page, 'huge.jpg').getByText('made smaller, 2048 × 1600 px; camera data removed').waitFor();
    assert.deepEqual(uploads.sort(), ['huge.jpg', 'small.png']);
    await until(
      () => page.evaluate(() => [...document.images].every((i) => i.complete && i.naturalWidth > 0)),
      'thumbnails'
    );
    await axe(page, 'attached-images');

    await page.reload();
    await attached(page, 'huge.jpg');
    await until(
      () => page.evaluate(() => document.images.length === 2 && [...document.images].every((i) => i.naturalWidth > 0)),
      'thumbnails after the reload'
    );
    await say(page, 'prompt look at this');
    await untilPhase(page, 'look at this', 'done');
    assert.deepEqual(
      (await sentParts(page)).map((p) => p.type),
      ['text', 'image_url', 'image_url']
    );
    await page.reload();
    const sent = turn(page, 'look at this').getByRole('img').first();
    assert.ok(
      await sent.evaluate((img) => img.decode().then(() => img.naturalWidth > 0)),
      'shown again after a reload'
    );
    await closePage(page);
  });

  test('a photo that lies on its side comes out upright, without what the camera wrote; transparency stays', async () => {
    const page = await chatWith(eyes);
    const photo = await sidewaysJpeg(page, 3000, 1500);
    await attach(page, ['side.jpg', photo, 'image/jpeg'], ['clear.png', png(2500, 100, { alpha: true }), 'image/png']);
    await attached(page, 'side.jpg');
    await attached(page, 'clear.png');
    await chip(page, 'side.jpg').getByText('1024 × 2048 px').waitFor();
    const [side, clear] = await page.evaluate(() =>
      Promise.all(
        [...document.images].map(async (i) => {
          const bytes = new Uint8Array(await (await fetch(i.src)).arrayBuffer());
          return { text: new TextDecoder('latin1').decode(bytes), width: i.naturalWidth, height: i.naturalHeight };
        })
      )
    );
    assert.ok(!side.text.includes('SECRET CAMERA'));
    assert.deepEqual([side.width, side.height], [1024, 2048]);
    assert.ok(clear.text.slice(1, 4) === 'PNG' && clear.width === 2048, 'alpha is kept as PNG');
    await closePage(page);
  });

  test('a PDF is read page by page, goes out as its text, and the original can be opened again', async () => {
    const page = await chatWith(fast, { viewport: PHONE });
    await attach(page, ['report.pdf', pdf(['First things first', '', 'Third and last']), 'application/pdf']);
    await attached(page, 'report.pdf');
    await chip(page, 'report.pdf').getByText('3 pages').waitFor();
    await axe(page, 'attached-pdf-phone');
    await say(page, 'echo what does it say');
    await untilPhase(page, 'what does it say', 'done');
    const { file } = (await sentParts(page)).find((p) => p.type === 'file');
    assert.equal(file.name, 'report.pdf');
    const text = await (await hob.request(`/api/attachments/${file.id}`)).text();
    assert.match(text, /Page 1\s+First things first\s+Page 2\s+\(no text\)\s+Page 3\s+Third and last/);
    const original = await (await hob.request(`/api/attachments/${file.original_id}`)).text();
    assert.ok(original.startsWith('%PDF-1.4'));
    const link = turn(page, 'what does it say').getByRole('link', { name: 'report.pdf' });
    assert.equal(await link.getAttribute('href'), `/api/attachments/${file.original_id}`);
    await closePage(page);
  });

  test('what cannot be used says why and what can be done, and is never uploaded', async () => {
    const page = await chatWith(fast, { viewport: PHONE });
    const uploads = watchUploads(page);
    await attach(
      page,
      ['locked.pdf', pdf(['secret'], { encrypt: true }), 'application/pdf'],
      ['scan.pdf', pdf(['', '']), 'application/pdf'],
      ['torn.pdf', Buffer.from('%PDF-1.4\nnothing more'), 'application/pdf'],
      ['torn.png', png(60, 60).subarray(0, 40), 'image/png'],
      ['tool.bin', Buffer.from([127, 69, 76, 70, 0, 0, 1, 2, 0, 9]), ''],
      ['empty.txt', Buffer.alloc(0), 'text/plain'],
      ['big.log', Buffer.alloc(33 * 1024 * 1024, 'log line\n'), 'text/plain']
    );
    for (const [name, words] of [
      ['locked.pdf', /protected by a password/],
      ['scan.pdf', /has no text; it may be a scan/],
      ['torn.pdf', /cannot be read; it may be damaged/],
      ['torn.png', /PNG image cannot be read/],
      ['tool.bin', /Not an image, a PDF or a text file/],
      ['empty.txt', /empty/],
      ['big.log', /33\.0 MiB; hob takes 32 MiB a file/]
    ]) {
      await attached(page, name, 'failed');
      assert.match(await chip(page, name).innerText(), words);
    }
    assert.deepEqual(uploads, []);
    await axe(page, 'attached-refused-phone');
    await chip(page, 'locked.pdf').getByRole('button', { name: 'Remove locked.pdf' }).click();
    assert.equal(await chips(page).count(), 6);
    await closePage(page);
  });

  test('paste and drop work as well; the same file twice is there once; other encodings become UTF-8', async () => {
    const page = await chatWith(fast);
    const uploads = watchUploads(page);
    const taken = await input(page).evaluate((el) => {
      const data = new DataTransfer();
      data.items.add(new File(['a picture of the cells'], 'image.png', { type: 'image/png' }));
      data.setData('text/html', '<table><td>cells</td></table>');
      data.setData('text/plain', 'cells');
      return !el.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
    });
    assert.equal(taken, false, 'text from an office program is pasted as text');
    await input(page).evaluate((el) => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array([0xff, 0xfe, 0x67, 0, 0x72, 0, 0xfc, 0, 0x6e, 0])], 'note.txt'));
      el.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
    });
    await attached(page, 'note.txt');
    await page.locator('main').evaluate((el) => {
      const data = new DataTransfer();
      data.items.add(new File(['dropped words'], 'drop.md'));
      const fire = (name) =>
        el.firstElementChild.dispatchEvent(
          new DragEvent(name, { dataTransfer: data, bubbles: true, cancelable: true })
        );
      fire('dragenter');
      fire('dragover');
      fire('drop');
    });
    await attached(page, 'drop.md');
    await attach(page, ['again.md', Buffer.from('dropped words'), '']);
    await page.getByText('again.md is attached already.').waitFor();
    assert.deepEqual(uploads, ['note.txt', 'drop.md']);
    await say(page, 'echo files');
    await untilPhase(page, 'echo files', 'done');
    const note = (await sentParts(page)).find((p) => p.file?.name === 'note.txt').file;
    assert.equal(await (await hob.request(`/api/attachments/${note.id}`)).text(), 'grün');
    await closePage(page);
  });
});

describe('before it goes out', { concurrency: 2 }, () => {
  for (const [size, viewport] of SIZES) {
    test(`an image for a model that cannot see: the page says so, Send explains; what helps is said (${size})`, async () => {
      const page = await chatWith(fast, { viewport });
      const posts = watchPosts(page);
      const image = [`${size}.png`, png(120, 90), 'image/png'];
      await attach(page, image);
      await attached(page, image[0]);
      const words = 'fast cannot see images. Pick another server or remove the image.';
      await page.getByText(words, { exact: true }).waitFor();
      await say(page, 'what is this');
      await page.getByText(`Not sent. ${words}`).waitFor();
      assert.equal(posts.length, 0);
      assert.equal(await input(page).inputValue(), 'what is this');
      await axe(page, `no-vision-${size}`);
      await press(page, page.getByRole('button', { name: `Remove ${image[0]}` }));
      // On a phone a keyboard would come up.
      if (viewport === DESKTOP) assert.ok(await isFocused(input(page)), 'the focus is in the input');
      await say(page, 'what is this');
      await untilPhase(page, 'what is this', 'done');

      await attach(page, image);
      await attached(page, image[0]);
      await page.getByText(words, { exact: true }).waitFor();
      await press(page, page.getByRole('button', { name: 'Server: fast' }));
      await page.getByRole('menuitemradio', { name: /^eyes/ }).waitFor();
      await axe(page, `picker-eyes-${size}`);
      await press(page, page.getByRole('menuitemradio', { name: /^eyes/ }));
      await page.getByText(words, { exact: true }).waitFor({ state: 'detached' });
      await say(page, 'prompt and now');
      await untilPhase(page, 'prompt and now', 'done');
      await page.reload();
      const sent = turn(page, 'prompt and now').getByRole('img');
      assert.ok(await sent.evaluate((img) => img.decode().then(() => img.naturalWidth > 0)), 'the image is shown');
      assert.equal(posts.at(-1).body.server, eyes.id);
      await closePage(page);
    });
  }

  test('a long text that is pasted becomes a file, so that the page stays alive', async () => {
    const page = await chatWith(fast);
    await input(page).evaluate((el) => {
      const data = new DataTransfer();
      data.setData('text/plain', 'word '.repeat(900_000));
      el.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
    });
    await attached(page, 'pasted text.txt');
    assert.equal(await input(page).inputValue(), '');
    await closePage(page);
  });
});

const SETTINGS = 'Settings of this conversation';
const settingsButton = (page) => page.getByRole('button', { name: SETTINGS });

describe('settings', { concurrency: 2 }, () => {
  for (const [name, options] of [
    ['desktop', {}],
    ['phone', { viewport: PHONE }]
  ])
    test(`are kept for the conversation, from before its first message on (${name})`, async () => {
      const cook = await hob.addDemo(`cook-${name}`, ['--tokens-per-second', '300'], {
        system_prompt: 'You are a cook.'
      });
      const page = await chatWith(cook, options);
      await settingsButton(page).click();
      const panel = page.getByRole('dialog', { name: SETTINGS });
      await panel.getByText('You are a cook.').waitFor();
      // On a phone a keyboard would come up with the first field.
      if (options.viewport === PHONE) await until(() => isFocused(panel), 'the sheet has the focus');
      await panel.getByLabel('Temperature').fill('9');
      await panel.getByText('A number from 0 to 5').waitFor();
      await panel.getByLabel('Temperature').fill('0.3');
      await panel.getByLabel('Longest answer').fill('50');
      await panel.getByLabel('System prompt of this conversation').fill('Answer in rhymes.');
      await panel.getByText('Saved').waitFor();
      await axe(page, `settings-${name}`);
      await page.keyboard.press('Escape');
      await panel.waitFor({ state: 'hidden' });
      assert.ok(await isFocused(settingsButton(page)), 'the focus comes back');
      await page.locator('[data-set]').waitFor();

      // Enter makes a new line on a phone.
      await input(page).fill('echo soup');
      await page.getByRole('button', { name: 'Send', exact: true }).click();
      await untilPhase(page, 'echo soup', 'done');
      const path = `/api/conversations/${page.url().split('/').pop()}`;
      const { settings } = await hob.get(path);
      assert.deepEqual(settings, {
        options: { temperature: 0.3, max_tokens: 50 },
        system_prompt: 'Answer in rhymes.'
      });
      await page.reload();
      await page.locator('[data-set]').waitFor();
      // Pinned above the messages: what the next prompt begins with.
      const pinned = page.locator('details', { hasText: 'System prompt' });
      await pinned.locator('summary').click();
      assert.equal(await pinned.locator('p').innerText(), 'You are a cook.\n\nAnswer in rhymes.');
      await settingsButton(page).click();
      assert.equal(await panel.getByLabel('Temperature').inputValue(), '0.3');
      await panel.getByRole('button', { name: 'Reset' }).click();
      await until(async () => (await hob.get(path)).settings.system_prompt === null, 'the settings are gone in hob');
      await until(async () => (await pinned.locator('p').innerText()) === 'You are a cook.', 'the pinned one follows');
      await closePage(page);
    });

  test('that could not be saved say so, and are saved when they can be, or by Retry', async () => {
    const page = await chatWith(fast);
    await say(page, 'echo first');
    await untilPhase(page, 'echo first', 'done');
    const everyPatch = '**/api/conversations/*';
    const onPatch = (fn) =>
      page.route(everyPatch, (route) => (route.request().method() === 'PATCH' ? fn(route) : route.continue()));
    await onPatch((route) => route.abort());
    await settingsButton(page).click();
    const panel = page.getByRole('dialog', { name: SETTINGS });
    const seed = panel.getByLabel('Seed');
    const status = panel.getByRole('status');
    await seed.fill('42');
    await status.getByText('Not saved yet').waitFor();
    await shot(page, 'settings-not-saved-yet');
    assert.equal(await seed.inputValue(), '42');
    await page.unroute(everyPatch);
    await status.getByText('Saved', { exact: true }).waitFor();
    await onPatch((route) => route.fulfill({ status: 400, json: { error: { message: 'No' } } }));
    await seed.fill('43');
    await panel.getByText('Could not be saved').waitFor();
    assert.equal(await seed.inputValue(), '43');
    await page.unroute(everyPatch);
    await panel.getByRole('button', { name: 'Retry' }).click();
    await status.getByText('Saved', { exact: true }).waitFor();
    await closePage(page);
  });
});

describe('a server that is not ready', { concurrency: 2 }, () => {
  test('the picker says what is loaded, takes letters and arrows, and shows a load', async () => {
    const slowly = await hob.addDemo('zebra', ['--load-seconds', '60']);
    const page = await chatWith(fast);
    await say(page, 'echo before');
    await untilPhase(page, 'echo before', 'done');
    await page.getByRole('button', { name: 'Server: fast, Ready' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('menuitemradio', { name: /fast.*Loaded/ }).waitFor();
    await page.getByRole('menuitemradio', { name: /zebra.*Not loaded/ }).waitFor();
    await page.keyboard.press('z');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Server: zebra, Stopped' }).waitFor();
    assert.ok(await isFocused(input(page)), 'the focus is in the input');
    await hob.post(`/api/servers/${slowly.id}/start`);
    await page.getByRole('button', { name: 'Server: zebra, Loading' }).click();
    await page
      .getByRole('menuitemradio', { name: /zebra.*Loading \d+ %/ })
      .getByRole('progressbar')
      .waitFor();
    await axe(page, 'picker');
    await closePage(page);
  });
});
