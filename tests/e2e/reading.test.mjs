// Reading and handling the chat: scrolling, focus, answers tried again, themes, the phone.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import {
  answer,
  axe,
  closePage,
  DESKTOP,
  input,
  isFocused,
  newChat,
  openChat,
  openPage,
  palette,
  PHONE,
  railOf,
  say,
  shot,
  tabTo,
  turn,
  untilPhase,
  watch,
  watchPosts
} from '../lib/browser.mjs';
import { until } from '../lib/hob.mjs';
import { stage } from '../lib/stage.mjs';
import { conversationItem, generationItem, importItems, importTalk, messageItem } from '../lib/talk.mjs';

const { hob, browser } = await stage();
const fast = await hob.addReady('fast', ['--tokens-per-second', '300']);
const slow = await hob.addReady('slow', ['--tokens-per-second', '60']);

const chatWith = (server, options) => openChat(browser, hob, server, options);

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

describe('what belongs to an old message', { concurrency: 2 }, () => {
  let id, answers;
  before(async () => {
    const pairs = Array.from({ length: 9 }, (_, i) => [`question ${i}`, `answer ${i}`]);
    ({ id, answers } = await importTalk(hob, 'long '.repeat(40), pairs));
  });
  for (const [name, viewport] of [
    ['desktop', DESKTOP],
    ['phone', PHONE]
  ])
    test(`opens where it can be seen (${name})`, async () => {
      const page = await openPage(browser, hob, { viewport });
      await page.goto(`${hob.url}/chat/${id}?m=${answers[1]}`);
      const old = answer(page, 'question 1');
      for (const [button, popup] of [
        ['Details', old.getByLabel('Details of the answer')],
        ['More about this answer', old.getByRole('menu')]
      ]) {
        await old.getByRole('button', { name: button }).click();
        await popup.waitFor();
        const seen = () =>
          popup.evaluate((el) => {
            const { left, right, top, bottom } = el.getBoundingClientRect();
            const corners = [
              [left + 8, top + 8],
              [right - 8, bottom - 8]
            ];
            return corners.every(([x, y]) => el.contains(document.elementFromPoint(x, y)));
          });
        await until(seen, `${button} lies on top`);
        await shot(page, `reading-${button.split(' ')[0]}-${name}`.toLowerCase());
        await page.keyboard.press('Escape');
        await popup.waitFor({ state: 'detached' });
      }
      await page.keyboard.press('Control+k');
      const palette = page.getByRole('dialog', { name: 'Command palette' });
      await palette.getByRole('textbox').or(palette.getByRole('combobox')).fill('answer');
      await palette.getByText('Messages', { exact: true }).waitFor();
      const wider = await palette.evaluate((el) => el.scrollWidth - el.clientWidth);
      assert.equal(wider, 0, 'a long title is cut off, not the palette');
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
    // One step back; a notice of the tests beside this one may stand between.
    await tabTo(page, /^Undo$/, 'Shift+Tab');
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

test('on a phone with a notch and a bar below: what one presses lies between them', async () => {
  const insets = { top: 47, bottom: 34, left: 0, right: 0 };
  const page = await openPage(browser, hob, { viewport: PHONE });
  const client = await page.context().newCDPSession(page);
  await client.send('Emulation.setSafeAreaInsetsOverride', { insets });
  await newChat(page, hob, fast);
  const within = async (locator) => {
    const { y, height } = await locator.boundingBox();
    return y >= insets.top && y + height <= PHONE.height - insets.bottom;
  };
  for (const name of ['Menu', 'Send', 'Attach files'])
    assert.ok(await within(page.getByRole('button', { name, exact: true })), name);
  await shot(page, 'phone-notch');
  const rail = await railOf(page);
  await until(() => within(rail.getByRole('button', { name: /^Account of/ })), 'the account lies above the bar');
  assert.ok(await within(rail.getByRole('link', { name: 'New chat' })), 'New chat');
  await shot(page, 'phone-notch-menu');
  await closePage(page);
});

const region = (page) => page.getByRole('region', { name: 'Conversation' });
const scrollTop = (page) => region(page).evaluate((el) => el.scrollTop);
/** Where an element's upper edge stands below that of the conversation, in px. */
const below = (locator) =>
  locator.evaluate(
    (el) => el.getBoundingClientRect().top - el.closest('[aria-label=Conversation]').getBoundingClientRect().top
  );

describe('a long answer', { concurrency: 2 }, () => {
  const LONG = Array.from({ length: 400 }, (_, n) => `Paragraph ${n} of a long answer.`).join('\n\n');
  const END = 'See [the end](https://example.org/end).';
  const fold = (page) => page.getByRole('button', { name: 'Fold the answer' });
  const unfold = (page) => page.getByRole('button', { name: 'Show the whole answer' });
  const height = (page) =>
    page
      .locator('[data-markdown]')
      .first()
      .evaluate((el) => el.clientHeight);

  test('is folded and unfolded by keyboard; what was cut off is copied, tabbed into and linked to', async () => {
    const { id, answers } = await importTalk(hob, 'Long', [
      ['tell me all', `${LONG}\n\n${END}`],
      ['and now', 'short']
    ]);
    const page = await openPage(browser, hob);
    await page.goto(`${hob.url}/chat/${id}`);
    await fold(page).waitFor();
    assert.equal(await page.getByRole('button', { name: 'Fold the answer' }).count(), 1, 'the short one has none');
    assert.equal(await fold(page).getAttribute('aria-expanded'), 'true');
    const whole = await height(page);
    await fold(page).focus();
    await page.keyboard.press('Enter');
    await unfold(page).waitFor();
    assert.ok(await isFocused(unfold(page)), 'the button keeps the focus');
    assert.equal(await unfold(page).getAttribute('aria-expanded'), 'false');
    assert.ok((await height(page)) < 800, 'less than a screen is left');
    await until(
      async () => (await unfold(page).boundingBox()).y > 300,
      'the beginning of the answer is in view, with the button below'
    );
    await axe(page, 'folded');

    await page.getByRole('button', { name: 'Copy answer' }).first().click();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    assert.equal(copied, `${LONG}\n\n${END}`);

    await unfold(page).focus();
    const at = (await unfold(page).boundingBox()).y;
    await page.keyboard.press('Enter');
    await until(async () => Math.abs((await height(page)) - whole) < 2, 'all of it is shown');
    assert.ok(
      (await page.getByText('Paragraph 3 of').boundingBox()).y < at,
      'reading goes on where the answer was cut off'
    );

    await fold(page).click();
    await unfold(page).focus();
    await page.keyboard.press('Shift+Tab');
    await fold(page).waitFor();
    assert.ok(await isFocused(page.getByRole('link', { name: 'the end' })), 'the keyboard goes inside');

    await fold(page).click();
    await unfold(page).waitFor();
    await page.evaluate((to) => {
      const link = Object.assign(document.createElement('a'), { href: to, textContent: 'to it' });
      document.querySelector('#sidebar, nav, body').append(link);
      link.click();
    }, `/chat/${id}?m=${answers[0]}`);
    await fold(page).waitFor();
    await closePage(page);
  });

  test('is folded and unfolded by touch', async () => {
    const { id } = await importTalk(hob, 'Long on a phone', [['tell me more', `${LONG}\n\n${END}`]]);
    const page = await openPage(browser, hob, { viewport: PHONE });
    await page.goto(`${hob.url}/chat/${id}`);
    await fold(page).tap();
    await unfold(page).waitFor();
    assert.ok((await height(page)) < PHONE.height, 'less than a screen is left');
    await axe(page, 'folded-phone');
    await unfold(page).tap();
    await until(async () => (await height(page)) > 5 * PHONE.height, 'all of it is shown');
    await closePage(page);
  });

  test('is not folded while it is being written', async () => {
    const server = await hob.addDemo('rapid', ['--tokens-per-second', '250']);
    const page = await chatWith(server, { viewport: { width: 700, height: 240 } });
    await say(page, 'long 1500');
    await answer(page, 'long 1500').and(page.locator('[data-state=streaming]')).waitFor({ timeout: 30000 });
    await until(async () => (await height(page)) > 6 * 240 + 100, 'it is long', { ms: 30000 });
    assert.equal(await fold(page).count(), 0);
    await untilPhase(page, 'long 1500', 'done');
    await fold(page).waitFor();
    await closePage(page);
  });
});

test('in 1,000 messages: a link leads far up and marks its message, and the keys turn the pages', async () => {
  const pairs = Array.from({ length: 500 }, (_, n) => [
    `question ${n}.`,
    `Answer ${n}.\n\n${`Words of answer ${n}, as many as come together. `.repeat(1 + (n % 17))}`
  ]);
  const { id, questions, answers } = await importTalk(hob, 'A thousand', pairs);
  const page = await openPage(browser, hob);
  const marked = (n) => page.locator(`[data-slot="${questions[n]}"].outline-2`);
  for (const [n, message, text] of [
    [40, questions[40], page.getByText('question 40.', { exact: true })],
    [250, answers[250], page.getByText('Answer 250.', { exact: true })]
  ]) {
    await page.goto(`${hob.url}/chat/${id}?m=${message}`);
    await marked(n).waitFor();
    await until(async () => {
      const top = await below(text);
      return top > -2 && top < 120;
    }, `message ${n} is at the top`);
    await until(async () => (await marked(n).count()) === 0, 'the mark goes');
    const top = await below(text);
    assert.ok(top > -2 && top < 120, `it stays there when its neighbours are filled in (${top})`);
  }

  await region(page).focus();
  const middle = await scrollTop(page);
  await page.keyboard.press('PageUp');
  await until(async () => (await scrollTop(page)) < middle - 200, 'a page up');
  await page.keyboard.press('PageDown');
  await until(async () => Math.abs((await scrollTop(page)) - middle) < 200, 'a page down');
  await page.keyboard.press('Home');
  await until(async () => (await scrollTop(page)) === 0, 'the beginning');
  await page.getByText('Answer 0.', { exact: true }).waitFor();
  await page.keyboard.press('End');
  await until(() => region(page).evaluate((el) => el.scrollHeight - el.scrollTop - el.clientHeight < 2), 'the end');
  await page.getByText('Answer 499.', { exact: true }).waitFor();
  await until(
    async () => (await below(page.getByText('Answer 499.', { exact: true }))) < 800,
    'the last answer is in view'
  );
  await closePage(page);
});

describe('an answer with everything', { concurrency: 2 }, () => {
  const LINES = Array.from({ length: 60 }, (_, n) => `const line${n} = ${n};`).join('\n');
  const cells = (text) => `|${` ${text} |`.repeat(14)}`;
  const ANSWER = [
    'The root of $x^2 = 2$ is',
    '$$\\sqrt{2} \\approx 1.41$$',
    `${cells('Column')}\n${cells('---')}\n${cells('word')}`,
    `\`\`\`python\nprint("${'wide '.repeat(60)}")\n\`\`\``,
    `\`\`\`js\n${LINES}\n\`\`\``,
    '- [x] done\n- [ ] ~~not~~ yet'
  ].join('\n\n');

  let id;
  before(async () => {
    const talk = conversationItem({ title: 'Everything' });
    const question = messageItem(talk, null, 'show me all');
    const call = { name: 'get_weather', arguments: '{"city":"Oslo"}' };
    const answer = messageItem(talk, question, ANSWER, {
      server_id: fast.id,
      reasoning: 'First the root.',
      tool_calls: [{ id: 'a', type: 'function', function: call }]
    });
    const meta = { model: 'Tester 7B', completion_tokens: 212, tokens_per_s: 48.2, ttft_ms: 412, reasoning_ms: 12_300 };
    const how = generationItem(question, answer, {
      options: { temperature: 0.5 },
      meta: { ...meta, finish_reason: 'length' }
    });
    await importItems(hob, [talk, question, answer, how]);
    ({ id } = talk);
  });
  const overflow = (locator) => locator.evaluate((el) => el.scrollWidth - el.clientWidth);

  for (const [name, viewport] of [
    ['desktop', undefined],
    ['phone', PHONE]
  ])
    test(`shows formulas, tables and code that scroll, thoughts, tools and its details (${name})`, async () => {
      const page = await openPage(browser, hob, { viewport });
      await page.goto(`${hob.url}/chat/${id}`);
      const text = page.locator('[data-role=assistant]');
      await text.locator('.katex-display').waitFor();
      await until(() => page.evaluate(() => document.fonts.check('16px KaTeX_Main')), 'the font of formulas');
      assert.equal(await text.locator('.katex').count(), 2);
      assert.ok((await overflow(text.locator('.table-scroll'))) > 50, 'the table scrolls');
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), page.viewportSize().width);
      assert.equal(await text.getByRole('listitem').getByRole('img').count(), 2);

      const wide = text.locator('.code-block', { hasText: 'python' });
      const code = wide.getByRole('region', { name: 'python code' });
      assert.ok((await overflow(code)) > 50, 'code scrolls');
      await wide.getByRole('button', { name: 'Wrap' }).click();
      assert.equal(await overflow(code), 0, 'or wraps');
      await page.reload();
      await text.locator('.hljs-string').first().waitFor();
      assert.equal(await overflow(code), 0, 'what was chosen is kept');
      const long = text.locator('.code-block', { hasText: 'line0' });
      assert.equal(await long.getByText('line59').count(), 0, 'long code is folded');
      await long.getByRole('button', { name: 'Copy' }).click();
      assert.equal((await page.evaluate(() => navigator.clipboard.readText())).trim(), LINES);
      await long.getByRole('button', { name: 'Show all 60 lines' }).click();
      await long.getByText('line59').waitFor();
      await long.getByRole('button', { name: 'Show the first 40 lines' }).click();
      await long.getByText('line59').waitFor({ state: 'detached' });

      await text.getByText('Thought for 12 s').click();
      await text.getByText('First the root.').waitFor();
      await text.getByText('get_weather').click();
      const given = text.getByRole('region', { name: 'Arguments of get_weather' });
      assert.deepEqual(JSON.parse(await given.innerText()), { city: 'Oslo' });
      await text.getByText('212 tokens · cut off at the length limit').waitFor();
      const button = text.getByRole('button', { name: 'Details' });
      await button.focus();
      await page.keyboard.press('Enter');
      const details = page.getByLabel('Details of the answer');
      const rows = await details.evaluate((el) =>
        Object.fromEntries([...el.querySelectorAll('dt')].map((dt) => [dt.innerText, dt.nextElementSibling.innerText]))
      );
      const { Begun, Finish, ...rest } = rows;
      assert.ok(Begun && Finish.startsWith('length: '), `${Begun}, ${Finish}`);
      assert.deepEqual(rest, {
        Model: 'Tester 7B',
        Server: 'fast',
        Answer: '212 tokens',
        Speed: '48 tok/s',
        'First token': 'after 0.4 s',
        Reasoning: '12 s',
        Temperature: '0.5'
      });
      const { x, y, width, height } = await details.boundingBox();
      const screen = page.viewportSize();
      assert.ok(x >= 0 && y >= 0 && x + width <= screen.width && y + height <= screen.height, 'it is on the screen');
      await axe(page, `everything-${name}`);
      await page.keyboard.press('Escape');
      await details.waitFor({ state: 'detached' });
      assert.ok(await isFocused(button), 'the focus is back');
      await page.getByRole('region', { name: 'Conversation' }).evaluate((el) => (el.scrollTop = 0));
      await axe(page, `everything-top-${name}`);
      await closePage(page);
    });

  test('thoughts and tool calls are told apart as they come, whatever the pieces', async () => {
    const engine = new URL('../lib/fake_engine.mjs', import.meta.url).pathname;
    const server = await hob.addCommand('pieces', [process.execPath, engine, '${PORT}']);
    const page = await chatWith(server);
    const call = (more) => ({ tool_calls: [{ index: 0, ...more }] });
    const deltas = [
      ...['<th', 'ink>So', ' be it.</thi', 'nk>It is', ' so.'].map((content) => ({ content })),
      call({ id: 'a', type: 'function', function: { name: 'look', arguments: '{"wh' } }),
      call({ function: { arguments: 'ere":1}' } })
    ];
    await say(page, `deltas ${JSON.stringify([...deltas.slice(0, 3), 60_000])}`);
    const first = page.locator('[data-role=assistant]').first();
    await first.getByText('Thinking...').click();
    await first.getByText('So be it.').waitFor();
    assert.equal(await first.locator('[data-markdown]').count(), 0, 'no sign of the tag is text');
    await page.getByRole('button', { name: 'Stop', exact: true }).click();
    await first.and(page.locator('[data-state=stopped]')).waitFor();
    await say(page, `bytes ${JSON.stringify(deltas)}`);
    const second = page.locator('[data-role=assistant]').nth(1);
    await second.getByText('Thought for').click();
    await second.getByText('So be it.').waitFor();
    assert.equal(await second.locator('[data-markdown]').innerText(), 'It is so.');
    await second.getByText('look', { exact: true }).click();
    const given = second.getByRole('region', { name: 'Arguments of look' });
    assert.deepEqual(JSON.parse(await given.innerText()), { where: 1 });
    await second.getByRole('button', { name: 'Details' }).click();
    await page.getByLabel('Details of the answer').getByText('the model ended its answer').waitFor();
    await closePage(page);
  });
});

describe('text from right to left', () => {
  const ARABIC = 'مرحبا بالعالم';
  const HEBREW = 'שלום עולם';
  const ANSWER = `## ${HEBREW}

${ARABIC}، هذه فقرة \`code\`.

English here.

- ${ARABIC}
- ${HEBREW}

| ${HEBREW} | ערך |
| --- | --- |
| ${ARABIC} | 1 |

> ${HEBREW}

\`\`\`js
const greeting = '${HEBREW}';
\`\`\`
`;
  /** 'left' or 'right': the edge of its box that the text of an element begins at. */
  const side = (locator) =>
    locator.evaluate((el) => {
      const range = document.createRange();
      range.selectNodeContents(el);
      const text = range.getClientRects()[0];
      const box = el.getBoundingClientRect();
      return text.left - box.left < box.right - text.right ? 'left' : 'right';
    });

  for (const [name, viewport] of [
    ['a desk', undefined],
    ['a phone', PHONE]
  ])
    test(`runs from the right on ${name}, code and other text do not`, async () => {
      const { id } = await importTalk(hob, `${ARABIC} hob`, [[`${HEBREW}\nand a longer line in English`, ANSWER]]);
      const page = await openPage(browser, hob, { viewport });
      await page.goto(`${hob.url}/chat/${id}`);
      const text = page.locator('[data-role=assistant]');
      await text.getByRole('table').waitFor();
      for (const [what, locator, expected] of [
        ['the heading', text.getByRole('heading'), 'right'],
        ['a paragraph', text.getByText(`${ARABIC}، هذه`), 'right'],
        ['an English paragraph', text.getByText('English here.'), 'left'],
        ['a list item', text.getByRole('listitem').first(), 'right'],
        ['a cell', text.getByRole('cell').first(), 'right'],
        ['a cell with a figure', text.getByRole('cell').nth(1), 'right'],
        ['a quote', text.locator('blockquote p'), 'right'],
        ['code', text.locator('pre code'), 'left'],
        ['the message', page.locator('[data-role=user] p'), 'right']
      ])
        assert.equal(await side(locator), expected, what);
      const [first, second] = await text.getByRole('columnheader').all();
      assert.ok((await first.boundingBox()).x > (await second.boundingBox()).x, 'the first column is on the right');
      assert.equal(await text.locator('ul').evaluate((el) => getComputedStyle(el).direction), 'rtl', 'its marks too');
      assert.equal(await text.locator('p code').evaluate((el) => getComputedStyle(el).direction), 'ltr');
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), page.viewportSize().width);
      if (!viewport)
        assert.equal(
          await page
            .locator(`[data-row="${id}"] span`)
            .first()
            .evaluate((el) => getComputedStyle(el).direction),
          'rtl',
          'the title'
        );
      await axe(page, `right-to-left-${viewport ? 'phone' : 'desk'}`);
      await closePage(page);
    });
});
