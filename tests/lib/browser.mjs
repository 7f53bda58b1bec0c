// Chromium against the real program: a signed-in page, its requests, screenshots and accessibility checks.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';
import { until } from './hob.mjs';

const SHOTS = new URL('../e2e/out/', import.meta.url).pathname;
const DOCS = new URL('../../docs/screenshots/', import.meta.url).pathname;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };
/** For what is shown at both. */
export const SIZES = [
  ['desktop', DESKTOP],
  ['phone', PHONE]
];

/** Chromium without a window's furniture: it takes a quarter less of the processor than the whole one. */
export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium-headless-shell',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync'
    ]
  });
}

/** A new browser context, signed in as hob.cookie says (unless signedIn is false). Its page gathers `errors`. */
export async function openPage(browser, hob, { viewport = DESKTOP, dark = false, signedIn = true } = {}) {
  const context = await browser.newContext({
    viewport,
    colorScheme: dark ? 'dark' : 'light',
    hasTouch: viewport.width < 500,
    permissions: ['clipboard-read', 'clipboard-write']
  });
  if (signedIn) {
    const [name, value] = hob.cookie.split(/=(.*)/s);
    await context.addCookies([{ name, value, url: hob.url, httpOnly: true, sameSite: 'Lax' }]);
  }
  return watch(await context.newPage());
}

/** Collects uncaught errors and requests to anywhere but hob. */
export function watch(page) {
  page.errors = [];
  page.on('pageerror', (e) => page.errors.push(e.message));
  page.on('request', (r) => {
    const { hostname, protocol } = new URL(r.url());
    if (protocol.startsWith('http') && hostname !== '127.0.0.1') page.errors.push(`request to ${r.url()}`);
  });
  return page;
}

/** Every POST /api/chat/completions from now on: {body}. */
export function watchPosts(page) {
  const posts = [];
  page.on('request', (r) => {
    if (r.method() === 'POST' && new URL(r.url()).pathname === '/api/chat/completions')
      posts.push({ body: r.postDataJSON() });
  });
  return posts;
}

/** Closes the page's context; fails when the page met an error or asked anybody but hob. */
export async function closePage(page) {
  assert.deepEqual(page.errors, []);
  await page.context().close();
}

/** Opens a new chat with this server chosen. */
export async function newChat(page, hob, server) {
  await page.goto(`${hob.url}/chat?server=${server.id}`);
  await page.getByRole('button', { name: `Server: ${server.name}` }).waitFor();
}

/** A signed-in page with a new chat on this server. */
export async function openChat(browser, hob, server, options) {
  const page = await openPage(browser, hob, options);
  await newChat(page, hob, server);
  return page;
}

export function input(page) {
  return page.getByRole('textbox', { name: 'Message', exact: true });
}

export const isPhone = (page) => page.viewportSize().width < 500;

/** As one does on this device: by touch on a phone. */
export function press(page, locator) {
  return isPhone(page) ? locator.tap() : locator.click();
}

/** Types and sends: by Enter, which on a phone makes a new line. */
export async function say(page, text) {
  await input(page).fill(text);
  if (isPhone(page)) await page.getByRole('button', { name: 'Send', exact: true }).tap();
  else await input(page).press('Enter');
}

export function turn(page, text) {
  return page.locator('article[data-turn]').filter({ has: page.locator('[data-role=user]', { hasText: text }) });
}

/** Waits until the turn of this message is in `phase`; returns it. */
export async function untilPhase(page, text, phase, timeout = 30000) {
  const found = turn(page, text).and(page.locator(`[data-phase=${phase}]`));
  await found.waitFor({ timeout });
  return found;
}

export function answer(page, text) {
  return turn(page, text).locator('[data-role=assistant]');
}

/** The sidebar; on a phone it is opened first. */
export async function railOf(page) {
  if (!isPhone(page)) return page.getByRole('complementary', { name: 'Sidebar' });
  await page.getByRole('button', { name: 'Menu', exact: true }).click();
  return page.getByRole('dialog', { name: 'Menu' });
}

export async function fromUserMenu(page, item) {
  const rail = await railOf(page);
  await rail.getByRole('button', { name: /^Account of/ }).click();
  await page.getByRole('menuitem', { name: item }).click();
}

export const isFocused = (locator) => locator.evaluate((el) => el === document.activeElement);

export function untilFocused(locator) {
  return until(() => isFocused(locator), `${locator} has the focus`);
}

/** A dialog that opens takes the focus a moment later; keys pressed before that go to the page behind. */
export function untilFocusedIn(locator) {
  return until(
    async () => (await locator.count()) === 1 && locator.evaluate((el) => el.contains(document.activeElement)),
    `the focus is in ${locator}`
  );
}

/** What the one who hears the page is told of where the focus is. */
export const focusedName = (page) =>
  page.evaluate(() => {
    const el = document.activeElement;
    return el.getAttribute('aria-label') ?? el.labels?.[0]?.textContent.trim() ?? el.textContent.trim();
  });

/** Tab (or Shift+Tab) until what has the focus is called so; each stop on the way must be seen to have it. */
export async function tabTo(page, name, key = 'Tab') {
  const seen = [];
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press(key);
    const now = await focusedName(page);
    seen.push(now.slice(0, 40));
    await until(() => page.evaluate(focusIsSeen), `the focus on ${now.slice(0, 40)} is seen`, { ms: 2000 });
    if (name.test(now)) return;
  }
  assert.fail(`no ${name} among ${seen.join(' | ')}`);
}

export const palette = (page) => page.getByRole('dialog', { name: 'Command palette' });

/** Opens the palette, types, and takes the first entry. */
export async function command(page, text, wanted) {
  await page.keyboard.press('Control+k');
  await untilFocused(palette(page).getByRole('combobox'));
  await page.keyboard.type(text);
  const first = palette(page).getByRole('option').first();
  await first.and(palette(page).getByRole('option', { name: wanted })).waitFor();
  await until(async () => (await first.getAttribute('aria-selected')) === 'true', 'the first is selected');
  await page.keyboard.press('Enter');
  await palette(page).waitFor({ state: 'detached' });
}

/** In the page: whether what has the focus has a ring, or a box around it the ring's border. */
function focusIsSeen() {
  const probe = document.body.appendChild(document.createElement('i'));
  probe.style.color = 'var(--ring)';
  const ring = getComputedStyle(probe).color;
  probe.remove();
  const box = document.activeElement.closest('form') ?? document.body;
  const outline = getComputedStyle(document.activeElement).outlineStyle;
  return document.activeElement === document.body || outline !== 'none' || getComputedStyle(box).borderColor === ring;
}

/** Into tests/e2e/out/; with `doc` and HOB_UPDATE_SCREENSHOTS=1 also into docs/screenshots/. */
export async function shot(page, name, { doc } = {}) {
  mkdirSync(SHOTS, { recursive: true });
  const image = await page.screenshot({ path: `${SHOTS}${name}.png`, animations: 'disabled' });
  if (!doc || !process.env.HOB_UPDATE_SCREENSHOTS) return;
  mkdirSync(DOCS, { recursive: true });
  writeFileSync(`${DOCS}${doc}.png`, image);
}

/** Waits until what fades in is there. */
async function settle(page) {
  await page.evaluate(() =>
    Promise.all(
      document
        .getAnimations()
        .filter((a) => a.playState === 'running' && a.effect?.getComputedTiming().endTime < 5000)
        .map((a) => a.finished.catch(() => undefined))
    )
  );
}

async function violations(page, runOnly) {
  await settle(page);
  const found = await page.evaluate(
    (rules) => window.axe.run({ runOnly: rules, resultTypes: ['violations'] }),
    runOnly
  );
  return found.violations.map((v) => {
    const places = v.nodes.map((n) => `${n.html.slice(0, 160)} (${n.any[0]?.message ?? v.help})`);
    return `${v.id}: ${places.join(' | ')}`;
  });
}

const isDark = (page) => page.evaluate(() => document.documentElement.classList.contains('dark'));

/** Fails on any violation of WCAG 2.2 A and AA, in both themes. With `name` a picture of each. */
export async function axe(page, name) {
  await page.evaluate(AXE);
  const dark = await isDark(page);
  const themes = dark ? ['dark', 'light'] : ['light', 'dark'];
  if (name) await shot(page, `${name}-${themes[0]}`);
  assert.deepEqual(await violations(page, ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']), []);
  await page.emulateMedia({ colorScheme: themes[1] });
  await until(async () => (await isDark(page)) !== dark, `the page is ${themes[1]}`);
  if (name) await shot(page, `${name}-${themes[1]}`);
  assert.deepEqual(await violations(page, ['color-contrast']), [], themes[1]);
  await page.emulateMedia({ colorScheme: themes[0] });
}

/** Seconds from the end of each ended chat request to the beginning of the next one, by the page's own clock. */
export function gaps(page) {
  return page.evaluate(() =>
    performance
      .getEntriesByType('resource')
      .filter((e) => e.name.endsWith('/api/chat/completions'))
      .map((e, i, all) => (e.startTime - all[i - 1]?.responseEnd) / 1000)
      .slice(1)
  );
}
