// Keeping and finding: the list of conversations, folders, archive, many at once, search and the jump to a message.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { before, describe, test } from 'node:test';
import {
  axe,
  closePage,
  newChat,
  openPage,
  PHONE,
  press,
  railOf,
  say,
  shot,
  SIZES,
  tabTo,
  untilFocused,
  untilPhase
} from '../lib/browser.mjs';
import { Hob, readAnswer, until } from '../lib/hob.mjs';
import { stage } from '../lib/stage.mjs';
import { emptyOut, importMany, keep, titles } from '../lib/talk.mjs';

const ENGINE = new URL('../lib/fake_engine.mjs', import.meta.url).pathname;

const { hob, browser } = await stage();
await hob.addReady('fast', ['--tokens-per-second', '0']);
const slow = await hob.addReady('slow', ['--tokens-per-second', '20']);

const stored = async (id) => (await hob.get('/api/conversations')).conversations.find((c) => c.id === id);

/** A page with the list on the screen; gives the page and where the list stands. */
async function openList(options = {}) {
  const page = await openPage(browser, hob, options);
  await page.goto(`${hob.url}/chat`);
  return { page, rail: await railOf(page) };
}
const list = (rail) => rail.getByRole('navigation', { name: 'Conversations' });
const row = (rail, title) => list(rail).getByRole('link', { name: title });
const heading = (rail, name) => list(rail).getByRole('heading', { name });
/** Headings and conversations from top to bottom. */
const rows = (rail) =>
  list(rail).evaluate((box) =>
    [...box.querySelectorAll('h3, a[data-row]')]
      .map((e) => [
        e.getBoundingClientRect().top,
        `${e.localName === 'h3' ? '# ' : ''}${e.innerText.split('\n')[0].trim()}`
      ])
      .sort(([a], [b]) => a - b)
      .map(([, text]) => text)
  );
const untilRows = (rail, wanted) =>
  until(async () => JSON.stringify(await rows(rail)) === JSON.stringify(wanted), `rows ${wanted}`).catch(async () =>
    assert.deepEqual(await rows(rail), wanted)
  );
async function choose(page, rail, title, ...items) {
  const more = rail.getByRole('button', { name: `Actions for ${title}`, exact: true });
  if (page.viewportSize().width > PHONE.width) await row(rail, title).hover();
  await press(page, more);
  for (const name of items) await press(page, page.getByRole('menuitem', { name, exact: true }));
}
/** Escape closes a menu, and with one too many what the menu stands in. */
async function closeMenus(page) {
  const open = page.locator('[role=menu][data-state=open]');
  for (let n = await open.count(); n > 0; n = await open.count()) {
    const before = n;
    await page.keyboard.press('Escape');
    await until(async () => (await open.count()) < before, 'a menu closes');
  }
  await until(async () => (await page.getByRole('menu').count()) === 0, 'the menus have gone');
}
const onScreen = (item) =>
  until(
    () =>
      item.evaluate((e) => {
        const { left, top, right, bottom } = e.getBoundingClientRect();
        return left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight;
      }),
    'it is on the screen as a whole'
  );
const undo = (rail) => rail.getByRole('button', { name: 'Undo' });

describe('the list', () => {
  test('pinned ones first, then folders that fold, then by date; a removed folder leaves what was in it', async () => {
    await emptyOut(hob);
    for (const title of ['Bread', 'Trains', 'Sea']) await keep(hob, title);
    const { page, rail } = await openList();
    await untilRows(rail, ['# Today', 'Sea', 'Trains', 'Bread']);
    await choose(page, rail, 'Bread', 'Pin');
    await untilRows(rail, ['# Pinned', 'Bread', '# Today', 'Sea', 'Trains']);
    await choose(page, rail, 'Trains', 'Move to folder', 'New folder...');
    const dialog = page.getByRole('dialog', { name: 'New folder' });
    await dialog.getByRole('textbox', { name: 'Name' }).fill('Journeys');
    await axe(page);
    await dialog.getByRole('button', { name: 'Create' }).click();
    await untilRows(rail, ['# Pinned', 'Bread', '# Journeys', 'Trains', '# Today', 'Sea']);

    const folder = list(rail).getByRole('button', { name: /^Journeys/ });
    await folder.click();
    await row(rail, 'Trains').waitFor({ state: 'detached' });
    await page.reload();
    await untilRows(rail, ['# Pinned', 'Bread', '# Journeys', '# Today', 'Sea']);
    assert.equal(await folder.getAttribute('aria-expanded'), 'false');
    assert.match(await folder.innerText(), /1/);

    const other = await openList();
    await heading(other.rail, /Journeys/).waitFor();
    await folder.focus();
    await page.keyboard.press('F2');
    const again = page.getByRole('dialog', { name: 'Rename folder' });
    await again.getByRole('textbox', { name: 'Name' }).fill('Rails');
    await page.keyboard.press('Enter');
    await heading(other.rail, /Rails/).waitFor();
    await list(rail)
      .getByRole('button', { name: /^Rails/ })
      .focus();
    await page.keyboard.press('Delete');
    await rail.getByRole('alertdialog').getByText('Its 1 conversation will stay.').waitFor();
    await rail.getByRole('button', { name: 'Remove' }).click();
    for (const r of [rail, other.rail]) await untilRows(r, ['# Pinned', 'Bread', '# Today', 'Sea', 'Trains']);
    await closePage(other.page);
    await closePage(page);
  });

  test('by keyboard: arrows, F2, Delete with Undo; a name that comes from elsewhere is shown', async () => {
    await emptyOut(hob);
    const kept = [];
    for (const title of ['One', 'Two', 'Three']) kept.push(await keep(hob, title));
    const { page, rail } = await openList();
    await untilRows(rail, ['# Today', 'Three', 'Two', 'One']);
    const focused = () => page.evaluate(() => document.activeElement.closest('[data-row]')?.innerText.trim());
    const untilFocused = (title) => until(async () => (await focused()) === title, `the focus on ${title}`);
    await row(rail, 'Three').focus();
    await page.keyboard.press('ArrowDown');
    await untilFocused('Two');
    await page.keyboard.press('End');
    await untilFocused('One');
    await page.keyboard.press('ArrowUp');
    await untilFocused('Two');
    await page.keyboard.press('F2');
    const title = list(rail).getByRole('textbox', { name: 'Title' });
    await title.fill('Second');
    await title.press('Enter');
    await untilFocused('Second');
    await until(async () => (await stored(kept[1].id)).title === 'Second', 'hob has the new title');
    await page.keyboard.press('Delete');
    await row(rail, 'Second').waitFor({ state: 'detached' });
    await untilFocused('One');
    await tabTo(page, /^Undo$/);
    await page.keyboard.press('Enter');
    await untilRows(rail, ['# Today', 'Three', 'Second', 'One']);
    await hob.send('PATCH', `/api/conversations/${kept[2].id}`, { title: 'Named elsewhere' });
    await row(rail, 'Named elsewhere').waitFor();
    assert.ok(await stored(kept[1].id));
    await closePage(page);
  });

  test('says which one is answering, and which answer nobody has looked at', async () => {
    await emptyOut(hob);
    const page = await openPage(browser, hob);
    await newChat(page, hob, slow);
    await say(page, 'long 40');
    const rail = await railOf(page);
    await row(rail, /long 40 ?, answering/).waitFor();
    await rail.getByRole('link', { name: 'New chat', exact: true }).click();
    await row(rail, /long 40 ?, new answer/).waitFor({ timeout: 30000 });
    await page.reload();
    await row(rail, /long 40 ?, new answer/).click();
    await untilPhase(page, 'long 40', 'done');
    await row(rail, /long 40$/).waitFor();
    assert.equal(await row(rail, /new answer/).count(), 0);
    await closePage(page);
  });

  test('a title that the model makes takes its place in the row by itself', async () => {
    const own = await Hob.start({ titles: 'model' });
    const server = await own.addCommand('titler', [process.execPath, ENGINE, '${PORT}']);
    const page = await openPage(browser, own);
    await newChat(page, own, server);
    const rail = await railOf(page);
    await say(page, 'titled as Wandering giraffes');
    await row(rail, /^Wandering giraffes/).waitFor();
    assert.equal(await row(rail, /./).count(), 1);
    await until(async () => (await page.title()) === 'Wandering giraffes · hob', 'the page has it too');
    await closePage(page);
    await own.stop();
  });

  test('what an import brings is there at once, by its date', async () => {
    await emptyOut(hob);
    const { page, rail } = await openList();
    await rail.getByText('Every chat is kept here.').waitFor();
    const day = (days) => new Date().setHours(12, 0, 0, 0) - days * 24 * 3600e3;
    const old = new Date(2024, 1, 9, 12).getTime();
    const times = [day(0), day(1), day(4), day(20), old];
    await importMany(
      hob,
      times.length,
      (i) => `Talk ${i}`,
      (i) => times[i]
    );
    await untilRows(
      rail,
      ['# Today', '# Yesterday', '# Previous 7 days', '# Previous 30 days', '# February 2024'].flatMap((h, i) => [
        h,
        `Talk ${i}`
      ])
    );
    await closePage(page);
  });

  test('gives one conversation as a file', async () => {
    await emptyOut(hob);
    await keep(hob, 'Take me along');
    const { page, rail } = await openList();
    for (const [item, ending, words] of [
      ['Export as JSON', /\.json$/, /"title": ?"Take me along"[^]*"about Take me along"/],
      ['Export as Markdown', /\.md$/, /^# Take me along[^]*about Take me along/m]
    ]) {
      const [download] = await Promise.all([page.waitForEvent('download'), choose(page, rail, 'Take me along', item)]);
      assert.match(download.suggestedFilename(), ending);
      assert.match(await readFile(await download.path(), 'utf8'), words);
    }
    await closePage(page);
  });
});

describe('many at once', () => {
  const box = (rail, title) => list(rail).getByRole('checkbox', { name: title });
  async function select(page, rail) {
    await rail.getByRole('button', { name: 'List of conversations' }).click();
    await page.getByRole('menuitem', { name: 'Select conversations' }).click();
  }

  test('ranges, all, archive with Undo, delete that asks and waits for Undo', async () => {
    await emptyOut(hob);
    for (const n of [1, 2, 3, 4, 5]) await keep(hob, `Note ${n}`);
    const { page, rail } = await openList();
    await row(rail, 'Note 1').waitFor();
    await select(page, rail);
    await box(rail, 'Note 5').press('Escape');
    await row(rail, 'Note 5').waitFor();
    await select(page, rail);
    await box(rail, 'Note 5').click();
    await box(rail, 'Note 3').click({ modifiers: ['Shift'] });
    const bar = rail.getByRole('group', { name: 'Selected conversations' });
    await bar.getByText('3 selected').waitFor();
    await bar.getByRole('button', { name: 'Archive' }).click();
    await untilRows(rail, ['# Today', 'Note 2', 'Note 1']);
    await undo(rail).click();
    await untilRows(rail, ['# Today', ...[5, 4, 3, 2, 1].map((n) => `Note ${n}`)]);
    await until(
      async () => (await hob.get('/api/conversations')).conversations.every((c) => !c.archived),
      'hob has taken them out of the archive'
    );

    await select(page, rail);
    await bar.getByRole('button', { name: 'Select all' }).click();
    await box(rail, 'Note 2').click();
    const question = bar.getByRole('alertdialog', { name: 'Delete 4 conversations?' });
    await box(rail, 'Note 2').press('Delete');
    await question.waitFor();
    await page.keyboard.press('Escape');
    await question.waitFor({ state: 'detached' });
    await bar.getByText('4 selected').waitFor();
    await bar.getByRole('button', { name: 'Delete' }).click();
    await question.waitFor();
    await bar.getByRole('button', { name: 'Delete' }).click();
    await untilRows(rail, ['# Today', 'Note 2']);
    assert.equal((await hob.get('/api/conversations')).conversations.length, 5);
    // The page closes before Undo has passed.
    await page.goto('about:blank');
    await until(async () => (await hob.get('/api/conversations')).conversations.length === 1, 'hob has deleted them');
    await closePage(page);
  });

  test('by keyboard: selected, archived and brought back', async () => {
    await emptyOut(hob);
    for (const n of [6, 7, 8]) await keep(hob, `Note ${n}`);
    const { page, rail } = await openList();
    await row(rail, 'Note 6').waitFor();
    await untilFocused(page.getByRole('textbox', { name: 'Message', exact: true }));
    await tabTo(page, /^List of conversations$/, 'Shift+Tab');
    await page.keyboard.press('Enter');
    await untilFocused(page.getByRole('menuitem', { name: 'Select conversations' }));
    await page.keyboard.press('Enter');
    await tabTo(page, /^Note 8$/);
    await page.keyboard.press('Space');
    await page.keyboard.press('ArrowDown');
    await untilFocused(box(rail, 'Note 7'));
    await page.keyboard.press('Space');
    await rail.getByText('2 selected').waitFor();
    await tabTo(page, /^Archive$/, 'Shift+Tab');
    await page.keyboard.press('Enter');
    await untilRows(rail, ['# Today', 'Note 6']);
    await untilFocused(row(rail, 'Note 6'));
    await tabTo(page, /^Undo$/);
    await page.keyboard.press('Enter');
    await untilRows(rail, ['# Today', 'Note 8', 'Note 7', 'Note 6']);
    await closePage(page);
  });

  test('10,000 conversations: only what is on the screen is made, the keys reach the last one', async () => {
    await emptyOut(hob);
    const kept = await importMany(hob, 10000, (i) => `Number ${i}`);
    const { page, rail } = await openList();
    await row(rail, 'Number').first().waitFor();
    assert.ok((await list(rail).locator('[data-row]').count()) < 100);
    const oldest = kept.at(-1);
    await list(rail).getByRole('link', { name: kept[0].title, exact: true }).focus();
    await page.keyboard.press('End');
    await until(
      () => page.evaluate((title) => document.activeElement.innerText?.trim() === title, oldest.title),
      'the focus on the last one'
    );
    assert.ok((await list(rail).locator('[data-row]').count()) < 100);
    await page.keyboard.press('Home');
    await hob.send('PATCH', `/api/conversations/${oldest.id}`, { pinned: true });
    await until(
      async () => (await rows(rail)).slice(0, 2).join() === `# Pinned,${oldest.title}`,
      'the last one is pinned'
    );
    await select(page, rail);
    const bar = rail.getByRole('group', { name: 'Selected conversations' });
    await bar.getByRole('button', { name: 'Select all' }).click();
    await bar.getByRole('button', { name: 'Archive' }).click();
    await rail.getByText('Archived 10,000 conversations').waitFor();
    await until(
      async () => (await hob.get('/api/conversations')).conversations.every((c) => c.archived),
      'hob has archived all',
      { ms: 60000 }
    );
    await closePage(page);
    await emptyOut(hob);
  });
});

describe('the archive', () => {
  test('takes out of the list, says so in the conversation, gives back and deletes', async () => {
    await emptyOut(hob);
    const kept = await keep(hob, 'Old plans');
    await keep(hob, 'Old letters');
    const { page, rail } = await openList();
    await rail.getByRole('button', { name: 'List of conversations' }).click();
    await page.getByRole('menuitem', { name: 'Archive' }).click();
    await page.getByText('Nothing is archived.').waitFor();
    for (const title of ['Old plans', 'Old letters']) await choose(page, rail, title, 'Archive');
    await rail.getByText('All conversations are in the archive.').waitFor();
    const archived = page.getByRole('list', { name: 'Archived conversations' }).getByRole('listitem');
    await archived.nth(1).waitFor();
    await page.getByRole('searchbox', { name: 'Search titles in the archive' }).fill('PLAN');
    await page.getByText('1 conversation', { exact: true }).waitFor();
    await archived.getByRole('link').click();
    await page.waitForURL(`**/chat/${kept.id}`);
    const main = page.getByRole('main');
    await main.getByText('Archived', { exact: true }).waitFor();
    await main.getByRole('button', { name: 'Unarchive' }).click();
    await untilRows(rail, ['# Today', 'Old plans']);
    assert.equal((await stored(kept.id)).archived, false);
    await hob.send('PATCH', `/api/conversations/${kept.id}`, { archived: true });
    await page.goto(`${hob.url}/archive`);
    await page.getByRole('button', { name: 'Delete Old letters' }).press('Enter');
    const left = archived.getByRole('link', { name: 'Old plans' });
    await until(() => left.evaluate((e) => e === document.activeElement), 'the focus is on what is left');
    await page.getByRole('button', { name: 'Unarchive Old plans' }).press('Enter');
    await page.getByText('Nothing is archived.').waitFor();
    await undo(rail).click();
    await archived.getByRole('link', { name: 'Old letters' }).waitFor();
    await closePage(page);
  });
});

describe('on a phone, by touch', () => {
  test('pin, rename, a new folder, the archive and back, a file of one, and some deleted', async () => {
    await emptyOut(hob);
    for (const title of ['Bread', 'Trains', 'Sea', 'Salt', 'Sand']) await keep(hob, title);
    const { page, rail } = await openList({ viewport: PHONE });
    await untilRows(rail, ['# Today', 'Sand', 'Salt', 'Sea', 'Trains', 'Bread']);
    await choose(page, rail, 'Bread', 'Pin');
    await untilRows(rail, ['# Pinned', 'Bread', '# Today', 'Sand', 'Salt', 'Sea', 'Trains']);
    await choose(page, rail, 'Sea', 'Rename');
    const title = list(rail).getByRole('textbox', { name: 'Title' });
    await title.fill('Ocean');
    await title.press('Enter');
    await choose(page, rail, 'Trains', 'Move to folder', 'New folder...');
    const dialog = page.getByRole('dialog', { name: 'New folder' });
    await dialog.getByRole('textbox', { name: 'Name' }).fill('Journeys');
    await axe(page, 'finding-folder-phone');
    await dialog.getByRole('button', { name: 'Create' }).tap();
    await untilRows(rail, ['# Pinned', 'Bread', '# Journeys', 'Trains', '# Today', 'Sand', 'Salt', 'Ocean']);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      choose(page, rail, 'Ocean', 'Export as Markdown')
    ]);
    assert.match(await readFile(await download.path(), 'utf8'), /^# Ocean[^]*about Sea/m);
    await choose(page, rail, 'Ocean', 'Archive');
    await untilRows(rail, ['# Pinned', 'Bread', '# Journeys', 'Trains', '# Today', 'Sand', 'Salt']);
    await undo(rail).tap();
    await row(rail, 'Ocean').waitFor();

    await choose(page, rail, 'Salt', 'Select');
    await list(rail).getByRole('checkbox', { name: 'Ocean' }).tap();
    const bar = rail.getByRole('group', { name: 'Selected conversations' });
    await bar.getByText('2 selected').waitFor();
    await bar.getByRole('button', { name: 'Delete' }).tap();
    await bar.getByRole('alertdialog', { name: 'Delete 2 conversations?' }).waitFor();
    await bar.getByRole('button', { name: 'Delete' }).tap();
    await untilRows(rail, ['# Pinned', 'Bread', '# Journeys', 'Trains', '# Today', 'Sand']);
    await undo(rail).waitFor();
    await shot(page, 'finding-deleted-phone');
    // The page closes before Undo has passed.
    await page.goto('about:blank');
    await until(async () => (await titles(hob)).join() === 'Bread,Sand,Trains', 'hob has deleted them');
    const { conversations } = await hob.get('/api/conversations');
    const [journeys] = (await hob.get('/api/folders')).folders;
    assert.equal(journeys.name, 'Journeys');
    assert.equal(conversations.find((c) => c.title === 'Trains').folder_id, journeys.id);
    assert.equal(conversations.find((c) => c.title === 'Bread').pinned, true);
    await closePage(page);
  });
});

describe('search', () => {
  test('titles, then messages with marks; keys or a click lead to the message', async () => {
    await emptyOut(hob);
    const long = await keep(hob, 'A long one', 'echo the first words');
    let parent = (await hob.get(`/api/conversations/${long.id}`)).messages.at(-1).id;
    const sent = [];
    for (let i = 0; i < 6; i++) {
      const what = i === 1 ? 'echo the wandering giraffe' : `long 150 part ${i}`;
      const body = hob.message('fast', what, { conversation_id: long.id, parent_id: parent });
      const res = await hob.post('/api/chat/completions', body);
      assert.ok((await readAnswer(res)).done);
      parent = res.headers.get('x-answer-id');
      sent.push(body.message.id);
    }
    const animals = await keep(hob, 'Giraffes and others', 'echo nothing here');
    await hob.send('PATCH', `/api/conversations/${animals.id}`, { archived: true });

    const { page, rail } = await openList();
    const field = rail.getByRole('combobox', { name: 'Search conversations' });
    const options = rail.getByRole('option');
    await field.fill('giraf');
    await rail.getByText('3 results').waitFor();
    assert.deepEqual(
      await rail
        .getByRole('group')
        .allInnerTexts()
        .then((t) => t.map((g) => g.split('\n')[0])),
      ['Titles', 'Messages']
    );
    await options.first().getByText('Archived').waitFor();
    assert.deepEqual(await options.locator('mark').allInnerTexts(), ['Giraffes', 'giraffe', 'giraffe']);
    await field.press('ArrowUp');
    const active = await field.getAttribute('aria-activedescendant');
    assert.equal(await options.last().getAttribute('id'), active);
    assert.equal(await options.last().getAttribute('aria-selected'), 'true');
    await field.press('Enter');
    await page.waitForURL(`**/chat/${long.id}?m=${sent[1]}`);
    const question = page.locator('[data-role=user]', { hasText: 'the wandering giraffe' });
    await onScreen(question);
    await options.first().click();
    await page.waitForURL(`**/chat/${animals.id}`);

    await field.fill('zebra');
    await rail.getByText('No title or message has these words.').waitFor();
    await page.route('**/api/search?*', (r) =>
      r.fulfill({ status: 500, json: { error: { message: 'disk is full' } } })
    );
    await field.fill('giraffe');
    await rail.getByText('The search did not work').waitFor();
    await page.unroute('**/api/search?*');
    await rail.getByRole('button', { name: 'Try again' }).click();
    await options.first().waitFor();
    await field.press('Escape');
    await row(rail, 'A long one').waitFor();
    await closePage(page);
  });

  for (const [size, viewport] of SIZES) {
    test(`a hit on a branch that is not shown opens that branch (${size})`, async () => {
      await emptyOut(hob);
      const talk = await keep(hob, 'Two ways', 'echo the fork');
      const parent_id = (await hob.get(`/api/conversations/${talk.id}`)).messages.at(-1).id;
      for (const way of ['echo the left ocelot', 'echo the right road']) {
        const body = hob.message('fast', way, { conversation_id: talk.id, parent_id });
        assert.ok((await readAnswer(await hob.post('/api/chat/completions', body))).done);
      }
      const { page, rail } = await openList({ viewport });
      await press(page, row(rail, 'Two ways'));
      const said = (text) => page.locator('[data-role=user]', { hasText: text });
      await said('the right road').waitFor();
      assert.equal(await said('ocelot').count(), 0);
      await railOf(page);
      await rail.getByRole('combobox', { name: 'Search conversations' }).fill('ocelot');
      await press(page, rail.getByRole('option').first());
      await onScreen(said('the left ocelot'));
      assert.equal(await said('the right road').count(), 0);
      await said('the left ocelot').getByText('1/2').waitFor();
      await closePage(page);
    });
  }

  test('reads on by the arrow keys when there is more', async () => {
    await emptyOut(hob);
    await importMany(hob, 70, (i) => `walrus number ${i}`);
    const { page, rail } = await openList();
    const field = rail.getByRole('combobox', { name: 'Search conversations' });
    await field.fill('walrus');
    await rail.getByText('More than 30 results').waitFor();
    for (let i = 0; i < 40; i++) await field.press('ArrowDown');
    await until(async () => (await rail.getByRole('option').count()) > 30, 'more results');
    await closePage(page);
  });
});

describe('to look at', () => {
  before(async () => {
    await emptyOut(hob);
    const kept = [];
    for (const title of [
      'Sourdough that rises',
      'Trains and how they run on time in the mountains',
      'SQLite indexes',
      'What the sea says',
      'Letters to an aunt',
      'An old idea'
    ])
      kept.push(await keep(hob, title));
    const { folder } = await (await hob.post('/api/folders', { name: 'Kitchen' })).json();
    await hob.post('/api/folders', { name: 'Work' });
    const change = (i, what) => hob.send('PATCH', `/api/conversations/${kept[i].id}`, what);
    await change(0, { folder_id: folder.id });
    await change(1, { pinned: true });
    await change(5, { archived: true });
  });

  for (const [name, options] of [
    ['desktop', {}],
    ['phone', { viewport: PHONE }]
  ])
    test(name, async () => {
      const { page, rail } = await openList(options);
      const look = (what) => axe(page, `finding-${what}-${name}`);
      await row(rail, 'SQLite indexes').waitFor();
      await look('list');
      await choose(page, rail, 'SQLite indexes', 'Move to folder');
      await onScreen(page.getByRole('menuitem', { name: 'Kitchen' }));
      await look('menu');
      await closeMenus(page);
      await rail.getByRole('button', { name: 'List of conversations' }).click();
      await page.getByRole('menuitem', { name: 'Select conversations' }).click();
      await list(rail).getByRole('checkbox', { name: 'SQLite indexes' }).click();
      await look('select');
      await rail.getByRole('button', { name: 'Delete', exact: true }).click();
      await rail.getByRole('alertdialog').waitFor();
      await look('delete');
      await rail.getByRole('button', { name: 'Cancel' }).click();
      await rail.getByRole('button', { name: 'Done' }).click();
      const field = rail.getByRole('combobox', { name: 'Search conversations' });
      await field.fill('idea');
      await rail.getByRole('option').first().waitFor();
      await field.press('ArrowDown');
      await look('search');
      await field.press('Escape');
      await rail.getByRole('button', { name: 'List of conversations' }).click();
      await page.getByRole('menuitem', { name: 'Archive' }).click();
      await page.getByRole('main').getByRole('link', { name: 'An old idea' }).waitFor();
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      await look('archive');
      await page.getByRole('main').getByRole('link', { name: 'An old idea' }).click();
      await page.getByRole('main').getByRole('button', { name: 'Unarchive' }).waitFor();
      await page.locator('[data-role=assistant]').waitFor();
      await look('archived');
      const open = await railOf(page);
      await open.getByRole('combobox', { name: 'Search conversations' }).fill('says');
      await open
        .getByRole('option', { name: /about What the sea says/ })
        .last()
        .click();
      await page.waitForURL(/\?m=/);
      await onScreen(page.locator('[data-role=assistant]', { hasText: 'about What the sea says' }));
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      await closePage(page);
    });
});
