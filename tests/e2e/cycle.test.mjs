// Sending while the model is not ready: attempts, waits, the card, Retry, and what is never retried.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  answer,
  axe,
  closePage,
  DESKTOP,
  gaps,
  input,
  isFocused,
  newChat,
  openPage,
  say,
  shot,
  SIZES,
  turn,
  untilPhase,
  watchPosts
} from '../lib/browser.mjs';
import { stage } from '../lib/stage.mjs';

const CARD = 'Failed to connect to model after 3 attempts';
const NEVER = ['--load-seconds', '600'];

const { hob, browser } = await stage();

/** A page with a new chat on a fresh demo server that runs with args; `viewport` as of openPage. */
async function chatWith(name, args, { viewport, ...more } = {}) {
  const server = await hob.addDemo(name, args, more);
  const page = await openPage(browser, hob, { viewport });
  const posts = watchPosts(page);
  await newChat(page, hob, server);
  return { server, page, posts };
}

/** The wait before each attempt, in s; a busy machine makes it longer. */
async function assertWaits(page, expected) {
  const found = await gaps(page);
  assert.equal(found.length, expected.length, `gaps ${found}`);
  found.forEach((gap, i) => assert.ok(gap > expected[i] - 0.1 && gap < expected[i] + 1.5, `wait ${i + 1}: ${gap} s`));
}

// Tests that mostly wait run side by side.
describe('a model that becomes ready', { concurrency: 4 }, () => {
  for (const [seconds, requests] of [
    [1, 2],
    [5, 3],
    [11, 4]
  ]) {
    test(`at ${seconds} s: ${requests} requests and an answer, without another click`, async () => {
      const { page, posts } = await chatWith(`ready-${seconds}`, [
        '--load-seconds',
        String(seconds),
        '--tokens-per-second',
        '200'
      ]);
      await say(page, 'What is hob?');
      await page.getByText('Connecting to model... (attempt 1/3)').waitFor();
      await untilPhase(page, 'What is hob?', 'done');
      assert.match(await answer(page, 'What is hob?').innerText(), /hob/);
      assert.equal(posts.length, requests);
      assert.equal(new Set(posts.map((p) => p.body.message.id)).size, 1, 'one id on every attempt');
      assert.equal(await page.getByText(CARD).count(), 0);
      await closePage(page);
    });
  }
});

describe('what is known of a load', { concurrency: 2 }, () => {
  for (const [size, viewport] of SIZES) {
    test(`shows the load while it waits (${size})`, async () => {
      const { page } = await chatWith(`progress-${size}`, ['--load-seconds', '5', '--tokens-per-second', '200'], {
        viewport
      });
      await say(page, 'hello');
      await page.getByText(/Connecting to model\.\.\. \(attempt \d\/3\) · loading \d+ %/).waitFor();
      await turn(page, 'hello').getByRole('progressbar').waitFor();
      await turn(page, 'hello')
        .getByText(/loading [3-8]\d %/)
        .waitFor();
      if (viewport === DESKTOP) await shot(page, 'connecting', { doc: 'chat-connecting' });
      await axe(page, `connecting-${size}`);
      await untilPhase(page, 'hello', 'done');
      await closePage(page);
    });
  }

  for (const [size, viewport] of SIZES) {
    test(`a server that fails to load: the cycle ends at once with exit code, hint and last lines (${size})`, async () => {
      const { page } = await chatWith(`dies-${size}`, ['--load-seconds', '1.5', '--die-while-loading'], { viewport });
      await say(page, 'hello');
      const card = turn(page, 'hello').getByRole('alert');
      await card.getByText(`dies-${size} failed`).waitFor();
      assert.match(await card.innerText(), /exited with code 1/);
      assert.ok((await card.locator('pre').innerText()).length > 0);
      await axe(page, `failed-engine-${size}`);
      await closePage(page);
    });
  }
});

describe('a model that never becomes ready', { concurrency: 3 }, () => {
  for (const [size, viewport] of SIZES) {
    test(`4 requests, waits of 2, 4 and 6 s, then the card; Retry works, in an empty chat (${size})`, async () => {
      const { server, page, posts } = await chatWith(`never-${size}`, NEVER, { viewport });
      await say(page, 'are you there?');
      for (const n of [1, 2, 3]) await page.getByText(`Connecting to model... (attempt ${n}/3)`).waitFor();
      const card = turn(page, 'are you there?').getByRole('alert');
      await card.getByText(CARD).waitFor();
      await assertWaits(page, [2, 4, 6]);
      assert.match(await card.innerText(), /The model may still be loading\. Check the Servers page for status\./);
      assert.equal(await card.getByRole('link', { name: 'Servers page' }).getAttribute('href'), '/servers');
      await card.getByRole('button', { name: 'Send when ready' }).waitFor();
      assert.ok(await input(page).isEnabled());
      assert.ok(await isFocused(input(page)), 'focus stays in the input');
      await axe(page, `card-${size}`);

      // The model comes after all; the click on Retry is enough.
      await hob.send('PATCH', `/api/servers/${server.id}`, { args: ['--tokens-per-second', '200'] });
      await hob.post(`/api/servers/${server.id}/restart`);
      await hob.untilState(server.id, 'ready');
      await card.getByRole('button', { name: 'Retry', exact: true }).click();
      await untilPhase(page, 'are you there?', 'done');
      assert.equal(posts.length, 5);
      assert.equal(posts[4].body.message.id, posts[0].body.message.id);
      assert.equal(await page.locator('article[data-turn]').count(), 1);
      await closePage(page);
    });
  }

  test('Stop in a wait ends it: nothing is sent any more, the message stays', async () => {
    const { server, page, posts } = await chatWith('stopped-wait', NEVER);
    await say(page, 'stop me');
    await page.getByText('Connecting to model... (attempt 1/3)').waitFor();
    await page.getByRole('button', { name: 'Stop', exact: true }).click();
    await untilPhase(page, 'stop me', 'unsent');
    const before = posts.length;
    await new Promise((resolve) => setTimeout(resolve, 2600));
    assert.equal(posts.length, before);
    assert.equal((await hob.server(server.name)).engine.state, 'loading', 'the load goes on');
    await closePage(page);
  });
});

describe('statuses', { concurrency: 4 }, () => {
  for (const status of [502, 503, 504]) {
    test(`${status} from the engine counts as not ready: 4 requests`, async () => {
      const { page, posts } = await chatWith(`status-${status}`, ['--status', String(status)]);
      await say(page, 'try');
      await page.getByText(CARD).waitFor({ timeout: 30000 });
      assert.equal(posts.length, 4);
      await closePage(page);
    });
  }

  test('a hob that cannot be reached counts as not ready, and the message survives it', async () => {
    const { page, posts } = await chatWith('unreachable', ['--tokens-per-second', '200']);
    await page.route('**/api/chat/completions', (route) => route.abort('connectionrefused'));
    await say(page, 'is anybody there?');
    await page.getByText(CARD).waitFor({ timeout: 30000 });
    assert.equal(posts.length, 4);
    await assertWaits(page, [2, 4, 6]);
    await page.unroute('**/api/chat/completions');
    await page.getByRole('button', { name: 'Retry', exact: true }).click();
    await untilPhase(page, 'is anybody there?', 'done');
    await closePage(page);
  });

  for (const status of [400, 401, 403, 404, 409, 413, 422, 429, 500]) {
    test(`${status} from the engine: exactly one request, its own error, no attempts`, async () => {
      const { page, posts } = await chatWith(`status-${status}`, ['--status', String(status)]);
      const server = await hob.server(`status-${status}`);
      await hob.startServer(server.id);
      await say(page, 'try');
      const card = turn(page, 'try').getByRole('alert');
      await card.waitFor();
      await card.getByText(`told to answer ${status}`).waitFor();
      await new Promise((resolve) => setTimeout(resolve, 2500));
      assert.equal(posts.length, 1);
      assert.equal(await page.getByText(/attempt|after 3/).count(), 0);
      await closePage(page);
    });
  }

  test('Retry on the card of a failed engine starts it again and gets the answer', async () => {
    const { server, page, posts } = await chatWith('mended', ['--die-while-loading']);
    await say(page, 'echo after all');
    const card = turn(page, 'echo after all').getByRole('alert');
    await card.getByText('mended failed').waitFor();
    await card.getByRole('button', { name: 'Send when ready' }).waitFor();
    await hob.send('PATCH', `/api/servers/${server.id}`, { args: ['--tokens-per-second', '200'] });
    await card.getByRole('button', { name: 'Retry', exact: true }).click();
    await untilPhase(page, 'echo after all', 'done');
    assert.match(await answer(page, 'echo after all').innerText(), /after all/);
    assert.equal(new Set(posts.map((p) => p.body.message.id)).size, 1, 'one id on every attempt');
    assert.equal((await hob.server('mended')).engine.state, 'ready');
    await closePage(page);
  });

  test('a server that may not be started by a message says so', async () => {
    const { page, posts } = await chatWith('by-hand', [], { on_demand: false });
    await say(page, 'hello');
    await turn(page, 'hello').getByRole('alert').waitFor();
    assert.equal(posts.length, 1);
    await page.getByRole('button', { name: 'Start and send' }).click();
    await untilPhase(page, 'hello', 'done');
    await closePage(page);
  });
});
