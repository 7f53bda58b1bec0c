// What comes up by itself (a notice, a lost connection, Undo) lies on nothing and moves nothing.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { cable } from '../lib/cable.mjs';
import { axe, closePage, DESKTOP, openPage, PHONE, shot } from '../lib/browser.mjs';
import { readAnswer } from '../lib/hob.mjs';
import { stage } from '../lib/stage.mjs';
import { importTalk } from '../lib/talk.mjs';

const { hob, browser } = await stage();
await hob.addReady('fast', ['--tokens-per-second', '0']);
const pairs = Array.from({ length: 12 }, (_, i) => [`question ${i}`, `answer ${i}\n\n`.repeat(4)]);
const talk = await importTalk(hob, 'A talk', pairs);

/** An answer in another conversation; the page tells of it. */
async function answerElsewhere(page, text) {
  const res = await hob.post('/api/chat/completions', hob.message('fast', `echo ${text}`));
  assert.equal(res.status, 200);
  assert.ok((await readAnswer(res)).done);
  await notice(page, text).waitFor();
}
const notice = (page, text) => page.locator('[data-notice]', { hasText: `Answer finished: echo ${text}` });
const list = (page) => page.getByRole('region', { name: 'Conversation', exact: true });

/** Where the buttons, links and fields are that one can see, and which of them something lies on. */
function targets(page) {
  return page.evaluate(() => {
    const places = {};
    const covered = [];
    const scroll = document.querySelector('[aria-label=Conversation]')?.getBoundingClientRect();
    for (const e of document.querySelectorAll('main :is(button, a, textarea), header :is(button, a)')) {
      if (!e.checkVisibility() || e.closest('[aria-label=Notices]')) continue;
      const box = e.getBoundingClientRect();
      const x = box.x + box.width / 2;
      const y = box.y + box.height / 2;
      const inList = e.closest('[aria-label=Conversation]');
      const [top, bottom] = inList ? [scroll.top, scroll.bottom] : [0, innerHeight];
      if (y < top || y > bottom || x < 0 || x > innerWidth) continue;
      const name = `${e.closest('[data-turn]')?.dataset.turn ?? ''} ${e.getAttribute('aria-label') ?? e.textContent.trim()}`;
      places[name] = [Math.round(box.x), Math.round(box.y)];
      const hit = document.elementFromPoint(x, y);
      if (!hit || !(e.contains(hit) || hit.contains(e))) covered.push(name);
    }
    return { places, covered };
  });
}
/** What was there is where it was; what is there has nothing on it. */
async function assertStill(page, before, what) {
  const { places, covered } = await settled(page);
  assert.deepEqual(covered, [], `${what}: nothing is covered`);
  for (const [name, place] of Object.entries(places))
    // That one keeps to the end of the list.
    if (before.places[name] && !name.includes('Jump to latest'))
      assert.deepEqual(place, before.places[name], `${what}: ${name} stays`);
}
/** Where the targets are once they stay there. */
async function settled(page) {
  let before = await targets(page);
  for (let n = 0; n < 50; n++) {
    await page.waitForTimeout(300);
    const now = await targets(page);
    if (isDeepStrictEqual(before, now)) return now;
    before = now;
  }
  return assert.fail('something on the page moves without end');
}
async function openTalk(viewport, dark, collapsed, url = hob.url) {
  const page = await openPage(browser, hob, { viewport, dark });
  if (collapsed) await page.context().addInitScript(() => localStorage.setItem('hob-rail', 'collapsed'));
  await page.goto(`${url}/chat/${talk.id}`);
  await page.getByText('question 11').waitFor();
  await settled(page);
  return page;
}

// One after the other: a second test's answers would be news here.
describe('news', () => {
  for (const [name, viewport, dark, collapsed] of [
    ['desktop', DESKTOP, false, false],
    ['desktop-rail-closed', DESKTOP, true, true],
    ['phone', PHONE, false, false]
  ]) {
    test(`a notice covers nothing and moves nothing, at the end and at the beginning (${name})`, async () => {
      const page = await openTalk(viewport, dark, collapsed);
      const atEnd = await settled(page);
      await answerElsewhere(page, `end ${name}`);
      await notice(page, `end ${name}`).hover(); // it stays while it is pointed at
      await assertStill(page, atEnd, 'at the end');
      await shot(page, `news-notice-${name}`);
      await notice(page, `end ${name}`).getByRole('button', { name: 'Dismiss' }).click();
      await notice(page, `end ${name}`).waitFor({ state: 'detached' });
      await assertStill(page, atEnd, 'after it');

      await list(page).press('Home');
      await page.waitForFunction(() => document.querySelector('[aria-label=Conversation]').scrollTop === 0);
      const atTop = await settled(page);
      await answerElsewhere(page, `top ${name}`);
      await notice(page, `top ${name}`).hover(); // it stays while it is pointed at
      await assertStill(page, atTop, 'at the beginning');
      await axe(page);
      await notice(page, `top ${name}`).getByRole('button', { name: 'Open' }).click();
      await page.locator('main').getByText(`echo top ${name}`).first().waitFor();
      await closePage(page);
    });

    test(`a lost connection is said, and moves nothing (${name})`, async () => {
      const line = await cable({ host: '127.0.0.1', port: 0 }, { host: '127.0.0.1', port: hob.port });
      const page = await openTalk(viewport, dark, collapsed, `http://127.0.0.1:${line.port}`);
      const before = await settled(page);
      await line.unplug();
      await page.getByText('Reconnecting to hob...').waitFor({ timeout: 20000 });
      await assertStill(page, before, 'while it is lost');
      await shot(page, `news-lost-${name}`);
      await line.listen();
      await page.getByText('Reconnecting to hob...').waitFor({ state: 'detached', timeout: 30000 });
      await assertStill(page, before, 'when it is back');
      await closePage(page);
      await line.unplug();
    });
  }

  test('on a low screen Send stays on it, however many notices come', async () => {
    const page = await openTalk({ width: 640, height: 240 }, false, true);
    for (const n of [1, 2, 3]) await answerElsewhere(page, `low ${n}`);
    const send = await page.getByRole('button', { name: 'Send', exact: true }).boundingBox();
    assert.ok(send.y + send.height <= 240, `Send ends at ${send.y + send.height}`);
    await shot(page, 'news-low');
    await axe(page);
    await closePage(page);
  });

  test('on other pages a notice makes room below them', async () => {
    for (const viewport of [DESKTOP, PHONE]) {
      const page = await openPage(browser, hob, { viewport });
      await page.goto(`${hob.url}/servers`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.getByText('fast').first().waitFor();
      const before = await settled(page);
      await answerElsewhere(page, `servers ${viewport.width}`);
      await assertStill(page, before, 'servers');
      await shot(page, `news-servers-${viewport.width}`);
      await closePage(page);
    }
  });
});
