// Answers outlive what looks at them: reloads, other tabs, a lost network, a closed browser.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  answer,
  axe,
  closePage,
  DESKTOP,
  input,
  isPhone,
  newChat,
  openChat,
  openPage,
  PHONE,
  press,
  railOf,
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
  return text
    .replace(/^#+(?: |$)/gm, '')
    .replace(/\s+/g, ' ')
    .trim();
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
async function assertWhole(page, text, state = 'done') {
  await untilPhase(page, text, state);
  const { messages } = await conversation(idOf(page));
  const found = messages.filter((m) => m.role === 'assistant');
  assert.deepEqual(
    found.map((m) => m.state),
    [state]
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
  // By touch no keyboard jumps up: the focus is where the menu was.
  await untilFocused(isPhone(page) ? page.getByRole('button', { name: 'More ways to send' }) : input(page));
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

  for (const [size, viewport] of SIZES) {
    test(`another device, a second tab, a reload and a look elsewhere show the same growing answer (${size})`, async () => {
      const text = size === 'phone' ? 'long 600' : 'long 601';
      const page = await begin(text, { viewport });
      const device = await openPage(browser, hob, { viewport: viewport === PHONE ? DESKTOP : PHONE });
      const tab = watch(await page.context().newPage());
      for (const other of [device, tab]) {
        await other.goto(page.url());
        const there = await untilLonger(other, text, (await shown(page, text)).length);
        const here = await untilLonger(page, text, there.length);
        assert.ok(here.startsWith(there), 'both show the same text');
      }
      const here = await shown(page, text);
      await page.reload();
      const again = await untilLonger(page, text, here.length);
      assert.ok(again.startsWith(here), 'nothing is lost by the reload');
      await page.getByRole('link', { name: 'New chat' }).click();
      await page.getByRole('heading', { name: 'Chat with your models' }).waitFor();
      await railOf(page);
      await row(page, new RegExp(`${text} ?, answering`)).click();
      const back = await untilLonger(page, text, again.length);
      assert.ok(back.startsWith(again), 'nothing is lost by looking elsewhere');
      for (const screen of [page, device, tab])
        await turn(screen, text).and(screen.locator('[data-phase=streaming]')).waitFor();
      // Each of them can end it for all.
      await press(device, device.getByRole('button', { name: 'Stop', exact: true }));
      for (const screen of [page, device, tab]) await assertWhole(screen, text, 'stopped');
      assert.deepEqual(tab.errors, []);
      await closePage(device);
      await closePage(page);
    });
  }

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

  for (const [size, viewport] of SIZES) {
    test(`several answers at once: a spinner each, then a mark and a notice (${size})`, async () => {
      const texts = (size === 'phone' ? [81, 82, 83] : [91, 92, 93]).map((n) => `long ${n}`);
      const page = await openPage(browser, hob, { viewport });
      for (const text of texts) {
        await newChat(page, hob, slow);
        await say(page, text);
        await untilLonger(page, text, 1);
      }
      await railOf(page);
      for (const text of texts) await row(page, new RegExp(`${text} ?, answering`)).waitFor();
      await shot(page, `durable-several-${size}`);
      // Behind the menu of a phone, news is not to be read.
      if (viewport === PHONE) await page.keyboard.press('Escape');
      for (const text of texts.slice(0, 2))
        await page.getByRole('status', { name: 'Notices' }).getByText(`Answer finished: ${text}`).waitFor();
      await untilPhase(page, texts[2], 'done');
      await railOf(page);
      for (const text of texts.slice(0, 2)) await row(page, new RegExp(`${text} ?, new answer`)).waitFor();
      for (const [n, text] of texts.entries()) {
        if (n > 0) await railOf(page);
        await row(page, text).click();
        await assertWhole(page, text);
      }
      await closePage(page);
    });
  }
});
