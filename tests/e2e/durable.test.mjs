// Answers outlive what looks at them: reloads, other tabs, a lost network, a closed browser.
import assert from 'node:assert/strict';
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
  say,
  shot,
  SIZES,
  turn,
  untilFocused,
  untilPhase,
  watch
} from '../lib/browser.mjs';
import { cable } from '../lib/cable.mjs';
import { until } from '../lib/hob.mjs';
import { stage } from '../lib/stage.mjs';

const CARD = 'Failed to connect to model after 3 attempts';

const { hob, browser } = await stage();
const slow = await hob.addReady('slow', ['--tokens-per-second', '12', '--slots', '12']);

function conversation(id) {
  return hob.get(`/api/conversations/${id}`);
}
function idOf(page) {
  return page.url().split('/').pop();
}

/** The text without its breaks and headings' signs. */
function words(text) {
  return text.replace(/^#+ /gm, '').replace(/\s+/g, ' ').trim();
}
async function shown(page, text) {
  const markdown = answer(page, text).locator('[data-markdown]');
  return (await markdown.count()) ? words(await markdown.innerText()) : '';
}

/** Waits until the answer on this page has more than `length` characters, still being written; gives its text. */
function untilLonger(page, text, length) {
  return until(async () => {
    const now = await shown(page, text);
    return now.length > length && now;
  }, 'the answer grows');
}

/** Says a long message; gives the page when its answer has begun. */
async function begin(text, options) {
  const page = await openChat(browser, hob, slow, options);
  await say(page, text);
  await untilLonger(page, text, 20);
  return page;
}

/** Waits for the end; the screen shows to the letter what hob has stored, and hob has one answer. */
async function assertWhole(page, text) {
  await untilPhase(page, text, 'done');
  const { messages } = await conversation(idOf(page));
  const found = messages.filter((m) => m.role === 'assistant');
  assert.deepEqual(
    found.map((m) => m.state),
    ['done']
  );
  await until(async () => (await shown(page, text)) === words(found[0].content), 'the answer is shown whole').catch(
    async () => assert.equal(await shown(page, text), words(found[0].content))
  );
}

function row(page, title) {
  return page.getByRole('navigation', { name: 'Conversations' }).getByRole('link', { name: title });
}

/** Leaves the message in the input with hob. */
async function sendWhenReady(page, text) {
  await input(page).fill(text);
  await page.getByRole('button', { name: 'More ways to send' }).click();
  await page.getByRole('menuitem', { name: /Send when ready/ }).waitFor();
  await axe(page, 'send-when-ready');
  await page.getByRole('menuitem', { name: /Send when ready/ }).click();
  const waiting = await untilPhase(page, text, 'outbox');
  await untilFocused(input(page));
  return waiting;
}

/** The model of a server that would load for ever is there. */
async function loadAtLast(server) {
  await hob.send('PATCH', `/api/servers/${server.id}`, { args: ['--tokens-per-second', '300'] });
  await hob.post(`/api/servers/${server.id}/restart`);
  await hob.untilState(server.id, 'ready');
}

describe('what outlives the page', { concurrency: 4 }, () => {
  for (const [size, viewport] of SIZES) {
    test(`outbox, from the input while the model loads: answered once with the browser closed; what is cancelled is not (${size})`, async () => {
      const never = await hob.addDemo(`never-${size}`, ['--load-seconds', '600']);
      const loads = await hob.addDemo(`loads-${size}`, ['--load-seconds', '600']);
      await hob.post(`/api/servers/${never.id}/start`);
      const page = await openChat(browser, hob, never, { viewport });
      await sendWhenReady(page, `echo cancelled ${size}`);
      await page.reload();
      const waiting = await untilPhase(page, `echo cancelled ${size}`, 'outbox');
      await waiting.getByText(`Will be answered when never-${size} is ready`).waitFor();
      await axe(page, `durable-outbox-${size}`);
      await waiting.getByRole('button', { name: 'Cancel' }).click();
      await page.getByRole('button', { name: 'Retry' }).waitFor();
      const cancelledUrl = page.url();
      await loadAtLast(never);
      await newChat(page, hob, loads);
      await hob.post(`/api/servers/${loads.id}/start`);
      await sendWhenReady(page, `echo kept ${size}`);
      const keptUrl = page.url();
      await closePage(page);
      await loadAtLast(loads);

      const keptId = keptUrl.split('/').pop();
      await until(
        async () => (await conversation(keptId)).messages.some((m) => m.role === 'assistant' && m.state === 'done'),
        'the answer is there',
        { ms: 30000 }
      );
      const again = await openPage(browser, hob, { viewport });
      await again.goto(keptUrl);
      await assertWhole(again, `echo kept ${size}`);
      assert.equal(await again.locator('[data-role=user]').count(), 1);
      assert.equal(await again.locator('[data-role=assistant]').count(), 1);
      await again.goto(cancelledUrl);
      await turn(again, `echo cancelled ${size}`).waitFor();
      const { messages } = await conversation(cancelledUrl.split('/').pop());
      assert.ok(
        messages.every((m) => m.role === 'user' || (m.state === 'stopped' && !m.content)),
        'what was cancelled has no answer, although the model is there'
      );
      await closePage(again);
    });
  }

  for (const [size, viewport] of SIZES) {
    test(`outbox, from the card: a notice tells of the answer (${size})`, async () => {
      const server = await hob.addDemo(`later-${size}`, ['--load-seconds', '600']);
      const page = await openChat(browser, hob, server, { viewport });
      await say(page, `echo from the card ${size}`);
      await page.getByText(CARD).waitFor({ timeout: 25000 });
      await page.getByRole('button', { name: 'Send when ready' }).click();
      const waiting = await untilPhase(page, `echo from the card ${size}`, 'outbox');
      await waiting.getByRole('button', { name: 'Cancel' }).waitFor();
      await shot(page, `durable-outbox-card-${size}`);
      await page.getByRole('link', { name: 'New chat' }).click();
      await page.getByRole('heading', { name: 'Chat with your models' }).waitFor();
      await loadAtLast(server);
      const notice = page.locator('[data-notice]').filter({ hasText: `Answer finished: echo from the card ${size}` });
      await notice.waitFor({ timeout: 20000 });
      await notice.getByRole('button', { name: 'Open' }).click();
      await assertWhole(page, `echo from the card ${size}`);
      await closePage(page);
    });
  }

  test('a second tab, a reload and another conversation in between show the same growing answer', async () => {
    const text = 'long 130';
    const page = await begin(text);
    const other = watch(await page.context().newPage());
    await other.goto(page.url());
    const there = await untilLonger(other, text, (await shown(page, text)).length);
    const here = await untilLonger(page, text, there.length);
    assert.ok(here.startsWith(there), 'both tabs show the same text');
    await page.reload();
    const again = await untilLonger(page, text, here.length);
    assert.ok(again.startsWith(here), 'nothing is lost by the reload');
    await page.getByRole('link', { name: 'New chat' }).click();
    await row(page, new RegExp(`${text} ?, answering`)).click();
    const back = await untilLonger(page, text, again.length);
    assert.ok(back.startsWith(again), 'nothing is lost by looking elsewhere');
    await turn(page, text).and(page.locator('[data-phase=streaming]')).waitFor();
    await assertWhole(page, text);
    await assertWhole(other, text);
    assert.deepEqual(other.errors, []);
    await closePage(page);
  });

  for (const [size, viewport] of SIZES) {
    test(`a broken line: the answer goes on where it was, nothing is missing and nothing comes twice (${size})`, async () => {
      const text = size === 'phone' ? 'long 120' : 'long 121';
      const line = await cable({ host: '127.0.0.1', port: 0 }, { host: '127.0.0.1', port: hob.port });
      const page = await openChat(browser, { url: `http://127.0.0.1:${line.port}`, cookie: hob.cookie }, slow, {
        viewport
      });
      await say(page, text);
      const first = await untilLonger(page, text, 20);
      line.cut();
      const before = await untilLonger(page, text, first.length + 20);
      assert.ok(before.startsWith(first), 'what was there stays');
      await line.unplug();
      await page.getByText('Connection lost, reconnecting...').waitFor();
      await axe(page, `durable-lost-${size}`);
      const kept = await shown(page, text);
      await line.listen();
      const after = await untilLonger(page, text, kept.length);
      assert.ok(after.startsWith(kept), 'what was there stays');
      await page.getByText('Connection lost, reconnecting...').waitFor({ state: 'detached' });
      await assertWhole(page, text);
      await closePage(page);
      await line.unplug();
    });
  }

  test('a phone asleep and without a network: the answer is there when it comes back', async () => {
    const text = 'long 40';
    const page = await begin(text, { viewport: PHONE });
    const client = await page.context().newCDPSession(page);
    await page.context().setOffline(true);
    await client.send('Page.setWebLifecycleState', { state: 'frozen' });
    await until(async () => {
      const { messages } = await conversation(idOf(page));
      return messages.some((m) => m.role === 'assistant' && m.state === 'done');
    }, 'hob has the whole answer');
    await page.context().setOffline(false);
    await client.send('Page.setWebLifecycleState', { state: 'active' });
    await assertWhole(page, text);
    await closePage(page);
  });

  test('several answers at once: a spinner each, then a mark and a notice', async () => {
    const texts = ['long 91', 'long 92', 'long 93'];
    const page = await openPage(browser, hob);
    for (const text of texts) {
      await newChat(page, hob, slow);
      await say(page, text);
      await untilLonger(page, text, 1);
    }
    for (const text of texts) await row(page, new RegExp(`${text} ?, answering`)).waitFor();
    await shot(page, 'durable-several');
    await untilPhase(page, texts[2], 'done');
    for (const text of texts.slice(0, 2)) {
      await row(page, new RegExp(`${text} ?, new answer`)).waitFor();
      await page.getByRole('status', { name: 'Notices' }).getByText(`Answer finished: ${text}`).waitFor();
    }
    for (const text of texts) {
      await row(page, text).click();
      await assertWhole(page, text);
    }
    await closePage(page);
  });
});
