// Chromium against the real program: a signed-in page, its requests, screenshots and accessibility checks.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const SHOTS = new URL('../e2e/out/', import.meta.url).pathname;
const DOCS = new URL('../../docs/screenshots/', import.meta.url).pathname;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
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

/** Types and sends by Enter. */
export async function say(page, text) {
  await input(page).fill(text);
  await input(page).press('Enter');
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

/** Into tests/e2e/out/; with `doc` and HOB_UPDATE_SCREENSHOTS=1 also into docs/screenshots/. */
export async function shot(page, name, { doc } = {}) {
  mkdirSync(SHOTS, { recursive: true });
  const image = await page.screenshot({ path: `${SHOTS}${name}.png`, animations: 'disabled' });
  if (!doc || !process.env.HOB_UPDATE_SCREENSHOTS) return;
  mkdirSync(DOCS, { recursive: true });
  writeFileSync(`${DOCS}${doc}.png`, image);
}

/** Fails on any accessibility violation of WCAG 2.2 A and AA, once what fades in is there. */
export async function axe(page) {
  await page.evaluate(AXE);
  await page.evaluate(() =>
    Promise.all(
      document
        .getAnimations()
        .filter((a) => a.playState === 'running' && a.effect?.getComputedTiming().endTime < 5000)
        .map((a) => a.finished.catch(() => undefined))
    )
  );
  const { violations } = await page.evaluate(() =>
    window.axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })
  );
  assert.deepEqual(
    violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 160)).join(' | ')}`),
    []
  );
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
