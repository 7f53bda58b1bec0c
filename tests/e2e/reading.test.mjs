// Reading and handling the chat: scrolling, focus, answers tried again, themes, the phone.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Hob, until } from '../lib/hob.mjs';
import {
  answer,
  closePage,
  input,
  launch,
  newChat,
  openChat,
  PHONE,
  say,
  shot,
  turn,
  untilPhase,
  watch,
  watchPosts
} from '../lib/browser.mjs';

let hob, browser, fast, slow;
before(async () => {
  hob = await Hob.start();
  browser = await launch();
  fast = await hob.addDemo('fast', ['--tokens-per-second', '300']);
  slow = await hob.addDemo('slow', ['--tokens-per-second', '60']);
  await hob.startServer(fast.id);
  await hob.startServer(slow.id);
});
after(async () => {
  await browser?.close();
  await hob?.stop();
});

const chatWith = (server, options) => openChat(browser, hob, server, options);

function isFocused(locator) {
  return locator.evaluate((el) => el === document.activeElement);
}

describe('reading', { concurrency: 2 }, () => {
  test('the end is followed until the reader scrolls up, and again after a jump to the latest', async () => {
    const page = await chatWith(slow);
    await say(page, 'long 1500');
    const box = page.getByRole('region', { name: 'Conversation' });
    const place = () =>
      box.evaluate((el) => ({ top: el.scrollTop, left: el.scrollHeight - el.scrollTop - el.clientHeight }));
    await until(async () => (await place()).top > 300, 'the text is followed', { ms: 30000 });
    await box.hover();
    await page.mouse.wheel(0, -150);
    await page.getByRole('button', { name: 'Jump to latest' }).waitFor();
    const { top } = await place();
    await until(async () => (await place()).left > 400, 'the text grows below', { ms: 30000 });
    assert.equal((await place()).top, top, 'the reader stays where they are');
    await page.getByRole('button', { name: 'Jump to latest' }).click();
    await until(async () => (await place()).left < 2, 'the end is shown');
    const at = (await place()).top;
    await until(async () => (await place()).top > at + 50, 'the text is followed again', { ms: 30000 });
    await page.getByRole('button', { name: 'Stop', exact: true }).click();
    await answer(page, 'long 1500').and(page.locator('[data-state=stopped]')).waitFor();
    await closePage(page);
  });

  test('the answer begins where the status line stood', async () => {
    const server = await hob.addDemo('jump', ['--load-seconds', '1.5', '--tokens-per-second', '100']);
    const page = await chatWith(server);
    await page.evaluate(() => {
      window.tops = new Set();
      const look = () => {
        const el = document.querySelector('[data-connecting], article [role=status], [data-role=assistant]');
        if (el) window.tops.add(Math.round(el.getBoundingClientRect().top));
        requestAnimationFrame(look);
      };
      look();
    });
    await say(page, 'What is hob?');
    await untilPhase(page, 'What is hob?', 'done');
    assert.equal(await page.evaluate(() => window.tops.size), 1, 'nothing jumps');
    await closePage(page);
  });
});

describe('handling', { concurrency: 3 }, () => {
  test('Retry after an interruption answers in place; both answers can be read', async () => {
    const server = await hob.addDemo('second-life', ['--tokens-per-second', '60', '--die-after-tokens', '20']);
    const page = await chatWith(server);
    const posts = watchPosts(page);
    await say(page, 'echo one two three');
    await untilPhase(page, 'echo one two three', 'done');
    await say(page, 'long 60');
    await turn(page, 'long 60').getByText('Interrupted.').waitFor();
    await hob.send('PATCH', `/api/servers/${server.id}`, { args: ['--tokens-per-second', '200'] });
    await turn(page, 'long 60').getByRole('button', { name: 'Retry', exact: true }).click();
    await untilPhase(page, 'long 60', 'done');
    assert.ok(await isFocused(input(page)), 'the focus of Retry goes to the input');
    assert.equal(await page.locator('article[data-turn]').count(), 2, 'no second bubble');
    assert.equal(new Set(posts.map((p) => p.body.message.id)).size, 2, 'the same id again');
    assert.equal(await turn(page, 'long 60').getByText('Interrupted.').count(), 0);
    await turn(page, 'long 60').getByText('2/2').waitFor();
    await turn(page, 'long 60').getByRole('button', { name: 'Previous answer' }).click();
    await turn(page, 'long 60').getByText('Interrupted.').waitFor();
    const { messages } = await hob.get(`/api/conversations/${page.url().split('/').pop()}`);
    assert.equal(messages.filter((m) => m.role === 'user').length, 2);
    await closePage(page);
  });

  test('by keyboard alone: a queued message is edited, deleted and brought back', async () => {
    const page = await chatWith(slow);
    await say(page, 'long 400');
    await answer(page, 'long 400').getByText(/\S/).first().waitFor();
    await say(page, 'echo frist');
    await untilPhase(page, 'echo frist', 'queued');
    await turn(page, 'echo frist').getByRole('button', { name: 'Edit message' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('textbox', { name: 'Edit message' }).fill('echo nothing');
    await page.keyboard.press('Escape');
    await untilPhase(page, 'echo frist', 'queued');
    assert.ok(await isFocused(input(page)), 'after Escape');
    await turn(page, 'echo frist').getByRole('button', { name: 'Edit message' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('textbox', { name: 'Edit message' }).fill('echo first');
    await page.keyboard.press('Control+Enter');
    await untilPhase(page, 'echo first', 'queued');
    await turn(page, 'echo first').getByRole('button', { name: 'Delete message' }).focus();
    await page.keyboard.press('Enter');
    await page.getByText('Message deleted').waitFor();
    assert.ok(await isFocused(input(page)), 'after Delete');
    await page.keyboard.press('Shift+Tab');
    assert.ok(await isFocused(page.getByRole('button', { name: 'Undo' })), 'Undo is one step back');
    await page.keyboard.press('Enter');
    await untilPhase(page, 'echo first', 'done');
    await closePage(page);
  });

  test('the theme that was chosen stays, whatever the system says', async () => {
    const page = await chatWith(fast);
    const isDark = () => page.evaluate(() => document.documentElement.classList.contains('dark'));
    const ink = () => page.evaluate(() => getComputedStyle(document.body).color);
    assert.equal(await isDark(), false);
    const light = await ink();
    await page.getByRole('button', { name: 'Account of ada' }).click();
    await page.getByRole('menuitem', { name: 'Dark theme' }).click();
    await until(isDark, 'the dark theme');
    assert.notEqual(await ink(), light);
    await page.reload();
    await input(page).waitFor();
    assert.ok(await isDark(), 'also after a reload');
    await page.getByRole('button', { name: 'Account of ada' }).click();
    await page.getByRole('menuitem', { name: 'System theme' }).click();
    await until(async () => !(await isDark()), 'the system is light');
    await page.emulateMedia({ colorScheme: 'dark' });
    await until(isDark, 'the system is dark');
    await closePage(page);
  });
});

test('on a phone: everything fits, Enter makes a new line, Send sends, the composer grows to 40 % at most', async () => {
  const context = await browser.newContext({ viewport: PHONE, hasTouch: true, isMobile: true });
  const [name, value] = hob.cookie.split(/=(.*)/s);
  await context.addCookies([{ name, value, url: hob.url, httpOnly: true, sameSite: 'Lax' }]);
  const page = watch(await context.newPage());
  await newChat(page, hob, fast);
  for (const button of await page.getByRole('button').all()) {
    if (!(await button.isVisible())) continue;
    const box = await button.boundingBox();
    assert.ok(box.x >= 0 && box.x + box.width <= PHONE.width, `${await button.innerText()} is cut off`);
    assert.ok(box.height >= 40, `${await button.innerText()} is ${box.height} px high`);
  }
  await input(page).fill('echo a');
  await input(page).press('Enter');
  await input(page).pressSequentially('b');
  assert.equal(await input(page).inputValue(), 'echo a\nb');
  await input(page).fill('line\n'.repeat(60));
  assert.ok((await input(page).boundingBox()).height <= PHONE.height * 0.4 + 1);
  await shot(page, 'phone-composer');
  await input(page).fill('echo small');
  await page.getByRole('button', { name: 'Send', exact: true }).tap();
  await untilPhase(page, 'echo small', 'done');
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= PHONE.width);
  await closePage(page);
});
