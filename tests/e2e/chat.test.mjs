// The chat at work: streaming, queue, stop, reload in every state, two tabs, breaks in the middle, log-in that ends.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import {
  answer,
  axe,
  closePage,
  input,
  newChat,
  openChat,
  openPage,
  PHONE,
  press,
  say,
  shot,
  SIZES,
  turn,
  untilPhase,
  watch,
  watchPosts
} from '../lib/browser.mjs';
import { ADMIN, Hob, until } from '../lib/hob.mjs';
import { stage } from '../lib/stage.mjs';

const { hob, browser } = await stage();
const fast = await hob.addReady('fast', ['--tokens-per-second', '300']);
const slow = await hob.addReady('slow', ['--tokens-per-second', '20']);
const never = await hob.addDemo('never', ['--load-seconds', '600']);

const chatWith = (server, options) => openChat(browser, hob, server, options);

/** What the store holds of the conversation that the page shows. */
async function stored(page) {
  return hob.get(`/api/conversations/${page.url().split('/').pop()}`);
}

async function streamedText(page, text) {
  await answer(page, text).getByText(/\S+/).first().waitFor();
  return answer(page, text).innerText();
}

/** Presses Continue and waits for the end: the one answer there is begins with what was kept. */
async function assertContinues(from, page, text) {
  const shown = async () =>
    (await answer(page, text).locator('[data-markdown]').innerText()).replace(/\s+/g, ' ').trim();
  const answers = async () => {
    const { messages } = await from.get(`/api/conversations/${page.url().split('/').pop()}`);
    return messages.filter((m) => m.role === 'assistant');
  };
  const before = await shown();
  const [kept] = await answers();
  await press(page, page.getByRole('button', { name: 'Continue' }));
  await untilPhase(page, text, 'done', 40000);
  const found = await answers();
  assert.deepEqual(
    found.map((m) => m.state),
    ['done']
  );
  const [{ content }] = found;
  assert.ok(content.startsWith(kept.content), `${kept.content}\n---\n${content}`);
  assert.ok(content.length > kept.content.length, 'more was written');
  assert.equal(await answer(page, text).count(), 1);
  const after = await shown();
  assert.ok(after.startsWith(before), `${before}\n---\n${after}`);
}

describe('an answer', { concurrency: 3 }, () => {
  test('streams as Markdown with highlighted code that can be copied, and says its speed', async () => {
    const page = await chatWith(fast);
    await say(page, 'show me some markdown and code in c');
    await untilPhase(page, 'show me some markdown', 'done');
    const block = answer(page, 'show me some markdown').locator('pre').first();
    await block.waitFor();
    await answer(page, 'show me some markdown').getByRole('button', { name: 'Copy', exact: true }).first().click();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    assert.ok(copied.length > 5);
    assert.equal(copied.trim(), (await block.innerText()).trim());
    assert.match(await answer(page, 'show me some markdown').locator('[data-meta]').innerText(), /tok\/s/);
    await shot(page, 'answer', { doc: 'chat-answer' });
    await axe(page);
    await closePage(page);
  });

  test('can be stopped; its text stays, also after a reload', async () => {
    const page = await chatWith(slow);
    await say(page, 'long 2000');
    await streamedText(page, 'long 2000');
    await axe(page, 'streaming');
    await page.getByRole('button', { name: 'Stop', exact: true }).click();
    // The demo's own words speak of stopping, too.
    await answer(page, 'long 2000').and(page.locator('[data-state=stopped]')).getByText('Stopped').last().waitFor();
    const text = await answer(page, 'long 2000').locator('.markdown').first().innerText();
    await page.reload();
    await answer(page, 'long 2000').and(page.locator('[data-state=stopped]')).getByText('Stopped').last().waitFor();
    assert.equal(await answer(page, 'long 2000').locator('.markdown').first().innerText(), text);
    await until(async () => (await hob.server('slow')).engine.active === 0, 'the engine has stopped working');
    await closePage(page);
  });

  test('goes on with the tab closed, and is all there on coming back', async () => {
    const page = await chatWith(slow);
    await say(page, 'long 60');
    await streamedText(page, 'long 60');
    const { conversation } = await stored(page);
    const context = page.context();
    await page.close();
    const done = await until(async () => {
      const { messages } = await hob.get(`/api/conversations/${conversation.id}`);
      return messages[1]?.state === 'done' && messages[1];
    }, 'the answer is finished without a tab');
    const back = watch(await context.newPage());
    await back.goto(`${hob.url}/chat/${conversation.id}`);
    await untilPhase(back, 'long 60', 'done');
    const words = done.content.trim().split(/\s+/);
    assert.ok((await answer(back, 'long 60').innerText()).includes(words.at(-1)));
    await closePage(back);
  });

  test('keeps its reasoning folded', async () => {
    const thinker = await hob.addDemo('thinker', ['--think', '--tokens-per-second', '300']);
    const page = await chatWith(thinker);
    await say(page, 'What is hob?');
    await untilPhase(page, 'What is hob?', 'done');
    const summary = answer(page, 'What is hob?')
      .locator('summary')
      .filter({ hasText: /^\s*(Reasoning|Thought for .*)$/ });
    await summary.waitFor();
    assert.equal(await answer(page, 'What is hob?').locator('details[open]').count(), 0);
    await summary.click();
    assert.equal(await answer(page, 'What is hob?').locator('details[open]').count(), 1);
    await closePage(page);
  });
});

describe('what breaks in the middle', () => {
  test('an engine that is killed: the text is kept, the page says so, and Continue goes on from there', async () => {
    const mortal = await hob.addDemo('mortal', ['--tokens-per-second', '40', '--die-after-tokens', '25']);
    const page = await chatWith(mortal, { viewport: PHONE });
    await say(page, 'long 200');
    await turn(page, 'long 200').getByText('Interrupted.').waitFor();
    const text = await answer(page, 'long 200').innerText();
    assert.ok(text.length > 40, text);
    await page.getByRole('button', { name: 'Continue' }).waitFor();
    await page.getByRole('button', { name: 'Retry', exact: true }).waitFor();
    await axe(page, 'interrupted-phone');
    const { messages } = await stored(page);
    assert.equal(messages[1].state, 'interrupted');
    assert.ok(messages[1].content.length > 20);
    await hob.send('PATCH', `/api/servers/${mortal.id}`, { args: ['--tokens-per-second', '200'] });
    await hob.post(`/api/servers/${mortal.id}/restart`);
    await hob.untilState(mortal.id, 'ready');
    await assertContinues(hob, page, 'long 200');
    await closePage(page);
  });

  test('hob killed with -9 in mid-stream: after the restart the text is there, marked interrupted, and Continue finishes it', async () => {
    const own = await Hob.start();
    const server = await own.addDemo('steady', ['--tokens-per-second', '30']);
    await own.startServer(server.id);
    const page = await openPage(browser, own);
    await newChat(page, own, server);
    await say(page, 'long 150');
    await until(
      async () =>
        (
          await answer(page, 'long 150')
            .innerText()
            .catch(() => '')
        ).length > 150,
      'some text'
    );
    const seen = (await answer(page, 'long 150').innerText()).replace(/\s+/g, ' ').trim();
    const { port } = own;
    await own.kill();
    await own.run({ port });
    await turn(page, 'long 150').getByText('Interrupted.').waitFor({ timeout: 20000 });
    await page.reload();
    await turn(page, 'long 150').getByText('Interrupted.').waitFor();
    const kept = (await answer(page, 'long 150').innerText()).replace(/\s+/g, ' ');
    // 200 ms at 30 tokens/s may be lost, not more.
    assert.ok(kept.includes(seen.slice(0, Math.max(0, seen.length - 90))), `${seen}\n---\n${kept}`);
    await assertContinues(own, page, 'long 150');
    await page.context().close();
    await own.stop();
  });
});

describe('input and queue', { concurrency: 3 }, () => {
  for (const [size, viewport] of SIZES) {
    test(`a queued message that is being edited waits for the end of that (${size})`, async () => {
      const [long, half, whole, next] = ['long 120', 'echo half', 'echo whole', 'echo next'].map(
        (text) => `${text} ${size}`
      );
      const page = await chatWith(slow, { viewport });
      const posts = watchPosts(page);
      const sent = () => posts.map((p) => p.body.message.content);
      await say(page, long);
      await streamedText(page, long);
      for (const text of [half, next]) await say(page, text);
      await untilPhase(page, half, 'queued');
      await press(page, turn(page, half).getByRole('button', { name: 'Edit message' }));
      const editor = page.getByRole('textbox', { name: 'Edit message' });
      await editor.fill(whole);
      await untilPhase(page, long, 'done');
      await turn(page, next).and(page.locator('[data-phase=queued]')).waitFor();
      await axe(page, `queue-editing-${size}`);
      assert.deepEqual(sent(), [long]);
      await press(page, page.getByRole('button', { name: 'Save' }));
      await untilPhase(page, next, 'done');
      assert.deepEqual(sent(), [long, whole, next]);
      await closePage(page);
    });
  }

  test('input and Send work all the time; two messages queue, can be edited, and go out in order', async () => {
    const page = await chatWith(slow, { viewport: PHONE });
    const posts = watchPosts(page);
    await say(page, 'long 40');
    await streamedText(page, 'long 40');
    await say(page, 'echo second');
    await say(page, 'echo third');
    await untilPhase(page, 'echo second', 'queued');
    await untilPhase(page, 'echo third', 'queued');
    assert.ok(await page.getByRole('button', { name: 'Send', exact: true }).isEnabled());
    await shot(page, 'queue-phone');
    await turn(page, 'echo third').getByRole('button', { name: 'Edit message' }).click();
    await page.getByRole('textbox', { name: 'Edit message' }).fill('echo changed');
    await page.getByRole('button', { name: 'Save' }).click();
    await untilPhase(page, 'echo changed', 'done', 60000);
    assert.deepEqual(
      posts.map((p) => p.body.message.content),
      ['long 40', 'echo second', 'echo changed']
    );
    const { messages } = await stored(page);
    assert.deepEqual(messages.map((m) => m.role).sort(), [
      'assistant',
      'assistant',
      'assistant',
      'user',
      'user',
      'user'
    ]);
    await closePage(page);
  });

  test('a queued message survives a reload and is answered after the one before it', async () => {
    const page = await chatWith(slow);
    await say(page, 'long 60');
    await streamedText(page, 'long 60');
    await say(page, 'echo after reload');
    await untilPhase(page, 'echo after reload', 'queued');
    await page.reload();
    await untilPhase(page, 'echo after reload', 'done', 60000);
    await closePage(page);
  });

  test('when the first fails the queue pauses, and Retry resumes it', async () => {
    const server = await hob.addDemo('late', ['--load-seconds', '600']);
    const page = await chatWith(server);
    await say(page, 'echo one');
    await say(page, 'echo two');
    await page.getByText('Failed to connect to model after 3 attempts').waitFor({ timeout: 20000 });
    await untilPhase(page, 'echo two', 'queued');
    await hob.send('PATCH', `/api/servers/${server.id}`, { args: ['--tokens-per-second', '200'] });
    await hob.post(`/api/servers/${server.id}/restart`);
    await hob.untilState(server.id, 'ready');
    await page.getByRole('button', { name: 'Retry', exact: true }).click();
    await untilPhase(page, 'echo two', 'done');
    await closePage(page);
  });

  test('Enter during IME composition sends nothing', async () => {
    const page = await chatWith(fast);
    const posts = watchPosts(page);
    await input(page).fill('nihongo');
    await input(page).evaluate((el) =>
      el.dispatchEvent(
        new KeyboardEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true, cancelable: true })
      )
    );
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(posts.length, 0);
    assert.equal(await input(page).inputValue(), 'nihongo');
    await closePage(page);
  });
});

describe('reload loses nothing', { concurrency: 4 }, () => {
  test('in a wait, as the first message of an empty chat: shown as not sent, with a Retry', async () => {
    const page = await chatWith(never);
    await say(page, 'do not lose me');
    await page.getByText('Connecting to model... (attempt 1/3)').waitFor();
    await page.reload();
    await untilPhase(page, 'do not lose me', 'unsent');
    await page.getByRole('button', { name: 'Retry', exact: true }).waitFor();
    await closePage(page);
  });

  test('after the card', async () => {
    const page = await chatWith(never);
    await say(page, 'still here');
    await page.getByText('Failed to connect to model after 3 attempts').waitFor({ timeout: 20000 });
    await page.reload();
    await untilPhase(page, 'still here', 'unsent');
    await closePage(page);
  });

  test('while hob cannot be reached at all', async () => {
    const page = await chatWith(fast);
    await page.route('**/api/chat/completions', (route) => route.abort('connectionrefused'));
    await page.route('**/api/messages/**', (route) => route.abort('connectionrefused'));
    await say(page, 'typed on a train');
    await page.getByText('Connecting to model... (attempt 1/3)').waitFor();
    await page.unroute('**/api/chat/completions');
    await page.unroute('**/api/messages/**');
    await page.reload();
    await untilPhase(page, 'typed on a train', 'unsent');
    await page.getByRole('button', { name: 'Retry', exact: true }).click();
    await untilPhase(page, 'typed on a train', 'done');
    await closePage(page);
  });

  test('leaving the page in a wait and coming back changes nothing', async () => {
    const server = await hob.addDemo('come-back', ['--load-seconds', '5', '--tokens-per-second', '200']);
    const page = await chatWith(server);
    await say(page, 'wait for me');
    await page.getByText('Connecting to model... (attempt 1/3)').waitFor();
    await page.getByRole('link', { name: 'Servers' }).first().click();
    await page.waitForURL('**/servers');
    await page.goBack();
    await page.getByText(/Connecting to model\.\.\. \(attempt \d\/3\)/).waitFor();
    await untilPhase(page, 'wait for me', 'done');
    await closePage(page);
  });
});

describe('log-in', () => {
  test('expiring in a cycle keeps the message; it goes out after signing in, in place', async () => {
    const own = await Hob.start();
    const server = await own.addDemo('expires', ['--load-seconds', '600']);
    const page = await openPage(browser, own);
    await newChat(page, own, server);
    await say(page, 'keep me');
    await page.getByText('Connecting to model... (attempt 1/3)').waitFor();
    await own.post('/api/logout');
    const dialog = page.getByRole('dialog');
    await dialog.waitFor({ timeout: 15000 });
    await axe(page, 'login-dialog');
    await own.logIn();
    await own.send('PATCH', `/api/servers/${server.id}`, { args: ['--tokens-per-second', '200'] });
    await own.post(`/api/servers/${server.id}/restart`);
    await own.untilState(server.id, 'ready');
    await dialog.getByLabel('Name').fill(ADMIN.name);
    await dialog.getByLabel('Password', { exact: true }).fill(ADMIN.password);
    await dialog.getByRole('button', { name: 'Log in' }).click();
    await untilPhase(page, 'keep me', 'done');
    assert.match(page.url(), /\/chat\//);
    await page.context().close();
    await own.stop();
  });
});

describe('a page without an answer', { concurrency: 2 }, () => {
  for (const [size, viewport] of SIZES) {
    test(`a conversation that is not there leads to a new one, where a question waits to be pressed (${size})`, async () => {
      const page = await openPage(browser, hob, { viewport });
      await page.goto(`${hob.url}/chat/${randomUUID()}`);
      await page.getByRole('heading', { name: 'This conversation is not there' }).waitFor();
      await axe(page, `not-there-${size}`);
      await press(page, page.getByRole('main').getByRole('link', { name: 'New chat' }));
      await page.getByRole('heading', { name: 'Chat with your models' }).waitFor();
      await axe(page, `empty-${size}`);
      await press(page, page.getByRole('button', { name: 'What can hob do?', exact: true }));
      await untilPhase(page, 'What can hob do?', 'done');
      assert.match(await answer(page, 'What can hob do?').innerText(), /hob/);
      await closePage(page);
    });
  }
});

describe('on a phone', () => {
  test('the chat is usable', async () => {
    const page = await chatWith(fast, { viewport: PHONE });
    await say(page, 'Show me a table');
    await untilPhase(page, 'Show me a table', 'done');
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= PHONE.width, `scrolls sideways: ${width}`);
    await axe(page, 'phone');
    await closePage(page);
  });
});
