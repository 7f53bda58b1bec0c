// Twelve tabs of one browser, each with an answer that is being written: all grow, and other requests go through.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Hob, until } from '../lib/hob.mjs';
import { answer, launch, newChat, openPage, say, untilPhase, watch } from '../lib/browser.mjs';

const TABS = 12;
let hob, browser, server;
before(async () => {
  hob = await Hob.start();
  browser = await launch();
  server = await hob.addDemo('steady', ['--slots', '12', '--tokens-per-second', '15']);
  await hob.startServer(server.id);
});
after(async () => {
  await browser?.close();
  // What the closed tabs asked for is still being written.
  if (server) await hob.post(`/api/servers/${server.id}/stop`);
  await hob?.stop();
});

test('twelve tabs are all live, and requests still go through', async () => {
  const first = await openPage(browser, hob);
  const tabs = [first];
  while (tabs.length < TABS) tabs.push(watch(await first.context().newPage()));
  for (const [i, tab] of tabs.entries()) {
    await newChat(tab, hob, server);
    await say(tab, `long ${900 + i}`);
    await answer(tab, `long ${900 + i}`)
      .getByText(/\S/)
      .first()
      .waitFor();
  }
  const length = async (i) => (await answer(tabs[i], `long ${900 + i}`).innerText()).length;
  for (let i = 0; i < TABS; i++) {
    const before = await length(i);
    await until(async () => (await length(i)) > before, `tab ${i} grows`, { ms: 30000 });
  }
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
  // Tabs that go leave their slots to those that stay.
  for (const tab of tabs.slice(0, 8)) await tab.close();
  for (let i = 8; i < TABS; i++) {
    const before = await length(i);
    await until(async () => (await length(i)) > before, `tab ${i} grows`, { ms: 30000 });
    await tabs[i].getByRole('button', { name: 'Stop', exact: true }).click();
    await untilPhase(tabs[i], `long ${900 + i}`, 'stopped');
    assert.deepEqual(tabs[i].errors, []);
  }
  await tabs[TABS - 1].context().close();
});
