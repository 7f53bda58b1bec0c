// The page for everybody: by keyboard alone, with large text, on narrow screens, without colours or motion.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import {
  answer,
  axe,
  closePage,
  focusedName,
  input,
  isFocused,
  newChat,
  openChat,
  openPage,
  PHONE,
  say,
  shot,
  tabTo,
  untilFocused,
  untilPhase,
  watch
} from '../lib/browser.mjs';
import { until } from '../lib/hob.mjs';
import { stage } from '../lib/stage.mjs';
import { importTalk } from '../lib/talk.mjs';

const { hob, browser } = await stage();
const fast = await hob.addReady('fast', ['--tokens-per-second', '300']);
const slow = await hob.addReady('slow', ['--tokens-per-second', '15']);

/** The next Tab comes to the first thing on the page. */
const fromTheStart = (page) =>
  page.evaluate(() => {
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute('tabindex');
  });

/** Gathers what the live regions say into window.spoken: not what is hidden from ears, nor what is told to be silent. */
const hear = (page) =>
  page.addInitScript(() => {
    window.spoken = [];
    const live = '[aria-live], [role=status], [role=alert], [role=log]';
    new MutationObserver((all) => {
      for (const { target } of all) {
        const el = target.nodeType === Node.ELEMENT_NODE ? target : target.parentElement;
        const region = el?.closest(live);
        if (!region || region.ariaLive === 'off' || el.closest('[aria-hidden=true]')) continue;
        const copy = region.cloneNode(true);
        copy.querySelectorAll('[aria-hidden=true], [aria-live=off]').forEach((e) => e.remove());
        const text = copy.textContent.replace(/\s+/g, ' ').trim();
        if (text && window.spoken.at(-1) !== text) window.spoken.push(text);
      }
    }).observe(document, { subtree: true, childList: true, characterData: true });
  });

describe('by keyboard alone', { concurrency: 2 }, () => {
  test('skip, pick a server, write, attach, set, send, stop, and go on', async () => {
    const page = await openPage(browser, hob);
    // From the start: a listener that is added just before the key comes too late at times.
    const choosers = [];
    page.on('filechooser', (chooser) => choosers.push(chooser));
    await page.goto(`${hob.url}/chat`);
    await page.getByRole('button', { name: /^Server:/ }).waitFor();
    await until(() => isFocused(input(page)), 'the input has the focus from the start');

    for (const [n, label] of ['Skip to content', 'Skip to message input', 'Skip to conversations'].entries()) {
      await fromTheStart(page);
      const link = page.getByRole('link', { name: label });
      for (let i = 0; i <= n; i++) await page.keyboard.press('Tab');
      assert.ok(await isFocused(link), `${label} is stop ${n + 1} of the Tab key, not ${await focusedName(page)}`);
      assert.ok(
        await link.evaluate((el) => el.getBoundingClientRect().top >= 0),
        `${label} is seen when it has the focus`
      );
      if (n === 0) await shot(page, 'skip-link');
      await page.keyboard.press('Enter');
      assert.ok(
        await page
          .locator(['#content', '#composer textarea', '#sidebar'][n])
          .evaluate((el) => el === document.activeElement || el.contains(document.activeElement)),
        label
      );
    }

    await input(page).focus();
    await tabTo(page, /^Server:/);
    await page.keyboard.press('Enter');
    await page.getByRole('menuitemradio', { name: /^slow/ }).waitFor();
    await page.keyboard.type('slow');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Server: slow' }).waitFor();
    assert.ok(await isFocused(input(page)));

    await tabTo(page, /^Settings of this conversation/);
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Settings of this conversation' }).waitFor();
    await tabTo(page, /^Temperature/);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    assert.match(await focusedName(page), /^Settings of this conversation/);

    await tabTo(page, /^Attach files$/, 'Shift+Tab');
    await page.keyboard.press('Enter');
    await until(() => choosers.length > 0, 'Enter opens a file chooser');
    await choosers[0].setFiles([{ name: 'note.md', mimeType: '', buffer: Buffer.from('a note') }]);
    await page.locator('[data-file=ready]').waitFor();
    assert.ok(await isFocused(input(page)), 'after a file was chosen the focus is in the input');

    await page.keyboard.type('long 400');
    await page.keyboard.press('Enter');
    await answer(page, 'long 400').getByText(/\S+/).first().waitFor();
    await tabTo(page, /^Stop$/);
    await page.keyboard.press('Enter');
    await answer(page, 'long 400').and(page.locator('[data-state=stopped]')).waitFor();
    assert.ok(await isFocused(input(page)), 'after Stop the focus is in the input');
    await closePage(page);
  });

  test('another answer; a message left with hob, taken back and tried again', async () => {
    const page = await openChat(browser, hob, fast);
    await page.keyboard.type('echo anew');
    await page.keyboard.press('Enter');
    await untilPhase(page, 'echo anew', 'done');
    await tabTo(page, /^Regenerate$/, 'Shift+Tab');
    await page.keyboard.press('Enter');
    const second = await untilPhase(page, 'echo anew', 'done');
    await second.getByText('2/2').waitFor();

    const never = await hob.addDemo('never', ['--load-seconds', '600']);
    await newChat(page, hob, never);
    await untilFocused(input(page));
    await page.keyboard.type('echo once there');
    await tabTo(page, /^More ways to send$/);
    await page.keyboard.press('Enter');
    await untilFocused(page.getByRole('menuitem', { name: /Send when ready/ }));
    await page.keyboard.press('Enter');
    await untilPhase(page, 'echo once there', 'outbox');
    await untilFocused(input(page));
    await tabTo(page, /^Cancel$/, 'Shift+Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Retry', exact: true }).waitFor();
    await untilFocused(input(page));
    await hob.send('PATCH', `/api/servers/${never.id}`, { args: ['--tokens-per-second', '300'] });
    await hob.post(`/api/servers/${never.id}/restart`);
    await hob.untilState(never.id, 'ready');
    await tabTo(page, /^Retry$/, 'Shift+Tab');
    await page.keyboard.press('Enter');
    await untilPhase(page, 'echo once there', 'done');
    await untilFocused(input(page));
    await closePage(page);
  });

  test('Up in an empty input edits the last message, not while something is written or composed', async () => {
    const page = await openChat(browser, hob, fast);
    await say(page, 'echo again');
    await untilPhase(page, 'echo again', 'done');
    await input(page).fill('half');
    await page.keyboard.press('ArrowUp');
    assert.equal(await page.getByRole('textbox', { name: 'Edit message' }).count(), 0);
    await input(page).fill('');
    await input(page).press('ArrowUp');
    await page.getByRole('textbox', { name: 'Edit message' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('textbox', { name: 'Edit message' }).waitFor({ state: 'hidden' });
    await closePage(page);
  });
});

describe('every page', { concurrency: 2 }, () => {
  let wide;
  before(async () => {
    const line = 'unbreakable'.repeat(30);
    const answer = `# ${line}\n\n${line}\n\n- ${line}\n\n|${' a wide cell |'.repeat(9)}\n|${'-|'.repeat(9)}\n\n$$${'x+'.repeat(90)}x$$\n\n\`\`\`\n${line}\n\`\`\``;
    wide = await importTalk(hob, line.slice(0, 200), [[line, answer]]);
  });
  for (const [name, viewport, font] of [
    ['320 px wide', { width: 320, height: 640 }, 100],
    ['200 % zoom', { width: 640, height: 400 }, 100],
    ['text of twice the size', PHONE, 200]
  ])
    test(`has no sideways scrolling: ${name}`, async () => {
      const page = await openPage(browser, hob, { viewport });
      for (const path of [
        '/chat',
        `/chat/${wide.id}`,
        '/archive',
        '/servers',
        `/servers/${fast.id}`,
        '/users',
        '/keys'
      ]) {
        await page.goto(hob.url + path);
        await page.getByRole('heading', { level: 1 }).first().waitFor();
        await page.evaluate((size) => (document.documentElement.style.fontSize = `${size}%`), font);
        const wide = await page.evaluate(() => ({
          page: document.documentElement.scrollWidth - document.documentElement.clientWidth,
          main: document.getElementById('content').scrollWidth - document.getElementById('content').clientWidth
        }));
        assert.deepEqual(wide, { page: 0, main: 0 }, path);
        if (path === '/chat') {
          const send = await page.getByRole('button', { name: 'Send', exact: true }).boundingBox();
          assert.ok(
            send.x + send.width <= viewport.width && send.y + send.height <= viewport.height,
            'Send is on the screen'
          );
          await shot(page, `ease-${name.replaceAll(/\W+/g, '-')}`);
        }
      }
      await closePage(page);
    });

  test('can be read in forced colours, and moves nothing under reduced motion', async () => {
    const page = await openChat(browser, hob, slow);
    await page.emulateMedia({ forcedColors: 'active', reducedMotion: 'reduce' });
    await say(page, 'long 60');
    await untilPhase(page, 'long 60', 'streaming');
    await page.getByRole('button', { name: 'Server: slow' }).click();
    await page.getByRole('menuitemradio', { name: /^slow/ }).waitFor();
    const moving = () =>
      page.evaluate(
        () =>
          [...document.querySelectorAll('*')].filter((el) => {
            const { animationName, animationDuration, transitionDuration } = getComputedStyle(el);
            const longest = (list) => Math.max(...list.split(',').map(parseFloat));
            return (
              (animationName !== 'none' && longest(animationDuration) > 0.05) || longest(transitionDuration) > 0.05
            );
          }).length
      );
    assert.equal(await moving(), 0);
    await shot(page, 'forced-colors');
    await page.emulateMedia({ forcedColors: null, reducedMotion: 'no-preference' });
    assert.ok((await moving()) > 0, 'else something would move');
    await closePage(page);
  });

  test('tells of an answer in few words while it comes', async () => {
    const page = await openPage(browser, hob);
    await hear(page);
    await newChat(page, hob, fast);
    await page.evaluate(() => (window.spoken = []));
    await say(page, 'long 300');
    await untilPhase(page, 'long 300', 'done');
    await until(() => page.evaluate(() => window.spoken.includes('Answer finished')), 'its end is said');
    const spoken = await page.evaluate(() => window.spoken);
    assert.ok(spoken.length <= 4, spoken.join(' | '));
    assert.ok(!spoken.some((text) => /word/.test(text)), spoken.join(' | '));
    await closePage(page);
  });

  test('tells of a load in few words, and does not count along', async () => {
    const loads = await hob.addDemo('loads', ['--load-seconds', '5', '--tokens-per-second', '300']);
    const page = await openPage(browser, hob);
    await hear(page);
    await newChat(page, hob, loads);
    await page.evaluate(() => (window.spoken = []));
    await say(page, 'echo after the load');
    await page
      .getByText(/loading [1-4]\d %/)
      .first()
      .waitFor();
    await page
      .getByText(/loading [5-9]\d %/)
      .first()
      .waitFor();
    await untilPhase(page, 'echo after the load', 'done');
    const spoken = await page.evaluate(() => window.spoken);
    assert.ok(
      spoken.some((text) => /Connecting to model\.\.\. \(attempt \d\/3\)/.test(text)),
      spoken.join(' | ')
    );
    assert.ok(!spoken.some((text) => /%|left/.test(text)), spoken.join(' | '));
    assert.ok(spoken.length <= 8, spoken.join(' | '));
    await closePage(page);
  });

  test('loads with at most 250 KB, compressed', async () => {
    const page = await openPage(browser, hob);
    let bytes = 0;
    const client = await page.context().newCDPSession(page);
    await client.send('Network.enable');
    client.on('Network.loadingFinished', (e) => (bytes += e.encodedDataLength));
    await page.goto(`${hob.url}/chat`);
    await page.getByRole('button', { name: /^Server:/ }).waitFor();
    await page.waitForTimeout(500);
    assert.ok(bytes > 50_000, 'the page was counted');
    assert.ok(bytes <= 250_000, `${bytes} bytes`);
    await closePage(page);
  });
});

/**
 * A page whose browser allows notifications, which land in `shown`: made by the page, or, where `byPage` is false as
 * on Android, by a service worker only. hide(true): nobody looks at the page.
 */
async function notifiedPage(byPage) {
  const page = await openPage(browser, hob);
  await page.context().grantPermissions(['notifications'], { origin: hob.url });
  await page.context().addInitScript((byPage) => {
    window.shown = [];
    window.Notification = class {
      static permission = 'granted';
      static requestPermission = () => Promise.resolve('granted');
      constructor(title, options) {
        if (!byPage) throw new TypeError('Illegal constructor');
        Object.assign(this, { title, ...options });
        window.shown.push(this);
      }
      close() {
        this.closed = true;
      }
    };
    ServiceWorkerRegistration.prototype.showNotification = function (title, options) {
      window.shown.push({ title, ...options });
      return Promise.resolve();
    };
    let hidden = false;
    Object.defineProperty(document, 'visibilityState', { get: () => (hidden ? 'hidden' : 'visible') });
    window.hide = (value) => {
      hidden = value;
      document.dispatchEvent(new Event('visibilitychange'));
    };
  }, byPage);
  return page;
}

async function switchOn(page) {
  await page.getByRole('button', { name: /Account of/ }).click();
  await page.getByRole('menuitemcheckbox', { name: 'Browser notifications' }).click();
  await page.getByRole('menuitemcheckbox', { name: 'Browser notifications', checked: true }).waitFor();
  await page.keyboard.press('Escape');
}

/** Says it and goes elsewhere while it is being answered; gives the path of the conversation. */
async function leaveBehind(page, text) {
  await say(page, text);
  await answer(page, text).getByText(/\S+/).first().waitFor();
  const { pathname } = new URL(page.url());
  await page.getByRole('link', { name: 'Servers' }).first().click();
  await page.waitForURL('**/servers');
  return pathname;
}

describe('an answer elsewhere', () => {
  test('a notice names it and leads there; the browser tells of it once when no page is looked at', async () => {
    const page = await notifiedPage(true);
    await newChat(page, hob, slow);
    await switchOn(page);
    const chat = await leaveBehind(page, 'long 61');
    // The answers of the tests beside are news here too.
    const notice = page.locator('[data-notice]', { hasText: 'Answer finished: long 61' });
    await notice.waitFor();
    // Held by the pointer, it does not go away.
    await notice.hover();
    await axe(page, 'notice');
    assert.equal(await page.evaluate(() => window.shown.length), 0, 'none while the page is looked at');
    await notice.getByRole('button', { name: 'Open' }).click();
    await page.waitForURL(`**${chat}`);

    const other = watch(await page.context().newPage());
    await other.goto(`${hob.url}/servers`);
    await leaveBehind(page, 'long 151');
    await page.evaluate(() => window.hide(true));
    await other.evaluate(() => window.hide(true));
    const ours = (p) =>
      p.evaluate(() =>
        window.shown.filter((n) => n.body === 'long 61').map(({ title, closed }) => ({ title, closed }))
      );
    const shown = async () => (await Promise.all([page, other].map(ours))).map((list) => list.length);
    await until(async () => (await shown()).some((n) => n > 0), 'the browser tells of it', { ms: 30000 });
    const teller = (await shown())[0] ? page : other;
    assert.equal((await ours(teller))[0].title, 'Answer finished');
    await teller.evaluate(() => window.shown.find((n) => n.body === 'long 61').onclick());
    await teller.waitForURL(`**${chat}`);
    await untilPhase(teller, 'long 151', 'done');
    assert.ok((await ours(teller))[0].closed);
    assert.deepEqual((await shown()).sort(), [0, 1]);
    assert.deepEqual(other.errors, []);
    await closePage(page);
  });

  test('where a page may show no notification, as on Android, the service worker does, and leads there', async () => {
    const page = await notifiedPage(false);
    await newChat(page, hob, slow);
    assert.equal(page.context().serviceWorkers().length, 0, 'none unasked');
    const registered = page.context().waitForEvent('serviceworker');
    await switchOn(page);
    const worker = await registered;
    const chat = await leaveBehind(page, 'long 37');
    await page.evaluate(() => window.hide(true));
    // The answers of the tests beside are news here too.
    const ours = () => page.evaluate(() => window.shown.find((n) => n.body === 'long 37'));
    const { title, data } = await until(ours, 'the worker tells of it', { ms: 30000 });
    assert.equal(title, 'Answer finished');
    await page.evaluate(() => window.hide(false));
    // What the browser does when somebody presses it.
    await worker.evaluate((data) => {
      const event = new Event('notificationclick');
      self.dispatchEvent(Object.assign(event, { notification: { data, close: () => {} }, waitUntil: () => {} }));
    }, data);
    await page.waitForURL(`**${chat}`);
    await untilPhase(page, 'long 37', 'done');
    await closePage(page);
  });
});
