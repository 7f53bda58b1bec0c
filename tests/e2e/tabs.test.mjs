// Twelve tabs of one browser, each with an answer that is being written: all grow, and other requests go through.
// So also where the browser has no Web Locks, as on plain http from another machine.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answer, newChat, openPage, say, untilPhase, watch } from '../lib/browser.mjs';
import { until } from '../lib/hob.mjs';
import { stage } from '../lib/stage.mjs';

const TABS = 12;
const { hob, browser } = await stage();
const server = await hob.addReady('steady', ['--slots', '12', '--tokens-per-second', '15']);

/** Twelve pages of one context; `locks` false: of a browser without Web Locks. page.feeds: its open event streams. */
async function twelve(locks) {
  const blank = await openPage(browser, hob);
  const context = blank.context();
  await blank.close();
  if (!locks) await context.addInitScript(() => delete Navigator.prototype.locks);
  const tabs = [];
  while (tabs.length < TABS) {
    const tab = watch(await context.newPage());
    const feeds = new Set();
    tab.feeds = feeds;
    tab.on('request', (r) => new URL(r.url()).pathname === '/api/events' && feeds.add(r));
    for (const end of ['requestfinished', 'requestfailed']) tab.on(end, (r) => feeds.delete(r));
    tabs.push(tab);
  }
  return tabs;
}

const length = async (tab, text) => (await answer(tab, text).innerText()).length;
async function grows(tab, text) {
  const before = await length(tab, text);
  await until(async () => (await length(tab, text)) > before, `${text} grows`, { ms: 30000 });
}

const row = (tab, title) => tab.locator('a[data-row]').filter({ hasText: title });
async function rename(tab, text, title) {
  await row(tab, text).hover();
  await tab.getByRole('button', { name: `Actions for ${text}`, exact: true }).click();
  await tab.getByRole('menuitem', { name: 'Rename', exact: true }).click();
  await tab.getByRole('textbox', { name: 'Title', exact: true }).fill(title);
  await tab.keyboard.press('Enter');
}

for (const locks of [true, false])
  test(`twelve tabs ${locks ? 'with' : 'without'} Web Locks are all live, and requests still go through`, async () => {
    const tabs = await twelve(locks);
    const text = (i) => `long ${(locks ? 2100 : 2200) + i}`;
    for (const [i, tab] of tabs.entries()) {
      await newChat(tab, hob, server);
      if (i === 0) assert.equal(await tab.evaluate(() => 'request' in (navigator.locks ?? {})), locks);
      await say(tab, text(i));
      await answer(tab, text(i)).getByText(/\S/).first().waitFor();
    }
    for (const [i, tab] of tabs.entries()) await grows(tab, text(i));
    for (const tab of tabs) {
      const status = await tab.evaluate(async () => {
        const asked = await Promise.race([
          fetch('/api/servers'),
          new Promise((_, reject) => setTimeout(() => reject(new Error('no answer')), 10000))
        ]);
        return asked.status;
      });
      assert.equal(status, 200);
    }
    const leaders = () => tabs.filter((tab) => !tab.isClosed() && tab.feeds.size > 0);
    await until(() => leaders().length === 1, 'one tab reads the events', { ms: 30000 });
    await rename(tabs[5], text(5), `Named ${text(5)}`);
    for (const tab of tabs) await row(tab, `Named ${text(5)}`).waitFor();

    // The tab that reads for all goes: another reads on.
    const [leader] = leaders();
    await leader.close();
    await until(() => leaders().length === 1, 'another tab reads the events', { ms: 30000 });
    const left = tabs.filter((tab) => tab !== leader);
    await rename(left[6], `Named ${text(5)}`, `Again ${text(5)}`);
    for (const tab of left) await row(tab, `Again ${text(5)}`).waitFor();

    // Tabs that go leave their slots to those that stay.
    for (const tab of left.slice(0, 7)) await tab.close();
    for (const tab of left.slice(7)) {
      const said = text(tabs.indexOf(tab));
      await grows(tab, said);
      await tab.getByRole('button', { name: 'Stop', exact: true }).click();
      await untilPhase(tab, said, 'stopped');
      assert.deepEqual(tab.errors, []);
    }
    await left.at(-1).context().close();
    // What the closed tabs asked for is still being written.
    await hob.post(`/api/servers/${server.id}/stop`);
    await hob.startServer(server.id);
  });
