// The conversation as a tree: versions of messages and answers, branches, deletions with undo, the shown path.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  answer,
  axe,
  closePage,
  input,
  openChat,
  PHONE,
  press,
  say,
  shot,
  SIZES,
  tabTo,
  turn,
  untilFocused,
  untilPhase,
  watch
} from '../lib/browser.mjs';
import { until } from '../lib/hob.mjs';
import { stage } from '../lib/stage.mjs';

const { hob, browser } = await stage();
const server = await hob.addReady('quick', ['--tokens-per-second', '300']);
const slow = await hob.addReady('slow', ['--tokens-per-second', '12', '--slots', '8']);

/** A page with these messages, said and answered one after the other. */
async function chatWith(messages, options) {
  const page = await openChat(browser, hob, server, options);
  for (const text of messages) {
    await input(page).fill(text);
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await untilPhase(page, text, 'done');
  }
  return page;
}

/** Waits until the messages on the screen are these. */
async function untilShown(page, expected) {
  const read = () => page.locator('[data-role=user] p').allInnerTexts();
  await until(
    async () => JSON.stringify(await read()) === JSON.stringify(expected),
    `${expected.join(', ')} are shown`
  ).catch(async (e) => {
    throw new Error(`${e.message}, not ${(await read()).join(', ')}`);
  });
}

/** Changes an answered message and waits for the new one's answer. */
async function editMessage(page, text, changed) {
  await turn(page, text).locator('[data-role=user]').hover();
  await turn(page, text).getByRole('button', { name: 'Edit message' }).click();
  const editor = page.getByRole('textbox', { name: 'Edit message' });
  assert.equal(await editor.inputValue(), text);
  await editor.fill(changed);
  await editor.press('Control+Enter');
  return untilPhase(page, changed, 'done');
}

function versions(page, text) {
  return turn(page, text).getByRole('group', { name: 'Versions' });
}
function answers(page, text) {
  return turn(page, text).getByRole('group', { name: 'Answers' });
}

async function untilCount(group, text) {
  await group.getByText(text, { exact: true }).waitFor();
}

function focused(page) {
  return page.evaluate(() => document.activeElement?.getAttribute('aria-label'));
}

/** The text without its breaks. */
function words(text) {
  return text.replace(/\s+/g, ' ').trim();
}

function stored(page) {
  return hob.get(`/api/conversations/${page.url().split('/').pop()}`);
}

describe('the tree on the page', { concurrency: 3 }, () => {
  test('an edited message stands beside the old one; arrows go between them, reload and another tab follow', async () => {
    const page = await chatWith(['echo one', 'echo two']);
    await editMessage(page, 'echo one', 'echo uno');
    await untilShown(page, ['echo uno']);
    await untilCount(versions(page, 'echo uno'), '2/2');
    await untilFocused(input(page));

    await versions(page, 'echo uno').getByRole('button', { name: 'Previous version' }).click();
    await untilShown(page, ['echo one', 'echo two']);
    await untilCount(versions(page, 'echo one'), '1/2');
    assert.equal(await focused(page), 'Next version');
    await page.keyboard.press('ArrowRight');
    await untilShown(page, ['echo uno']);
    assert.equal(await focused(page), 'Previous version');
    await page.keyboard.press('ArrowLeft');
    await untilShown(page, ['echo one', 'echo two']);
    await axe(page, 'tree-versions');

    await until(async () => {
      const { conversation, messages } = await stored(page);
      return messages.find((m) => m.id === conversation.leaf_id)?.content === 'two';
    }, 'hob knows the path');
    await page.reload();
    await untilShown(page, ['echo one', 'echo two']);
    const other = watch(await page.context().newPage());
    await other.goto(page.url());
    await untilShown(other, ['echo one', 'echo two']);
    await versions(other, 'echo one').getByRole('button', { name: 'Next version' }).click();
    await untilShown(other, ['echo uno']);
    await untilShown(page, ['echo uno']);
    // The new version goes on by itself.
    await say(page, 'echo due');
    await untilPhase(page, 'echo due', 'done');
    await untilShown(other, ['echo uno', 'echo due']);
    await versions(other, 'echo uno').getByRole('button', { name: 'Previous version' }).click();
    await untilShown(page, ['echo one', 'echo two']);
    assert.deepEqual(other.errors, []);
    await closePage(page);
  });

  test('another answer and an edited one stand beside the first', async () => {
    const page = await chatWith(['echo first', 'echo second']);
    await turn(page, 'echo first').getByRole('button', { name: 'Regenerate' }).click();
    await untilCount(answers(page, 'echo first'), '2/2');
    await untilPhase(page, 'echo first', 'done');
    await untilShown(page, ['echo first']);
    await answers(page, 'echo first').getByRole('button', { name: 'Previous answer' }).focus();
    await page.keyboard.press('ArrowLeft');
    await untilShown(page, ['echo first', 'echo second']);
    await untilCount(answers(page, 'echo first'), '1/2');

    // By keyboard alone: the menu, the editor, back to the button.
    const more = turn(page, 'echo second').getByRole('button', { name: 'More about this answer' });
    await more.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('menuitem', { name: 'Edit answer' }).waitFor();
    await page.keyboard.press('End');
    await untilFocused(page.getByRole('menuitem', { name: 'Delete answer and what follows' }));
    await axe(page, 'tree-menu');
    await page.keyboard.press('Escape');
    await page.getByRole('menu').waitFor({ state: 'detached' });
    assert.equal(await focused(page), 'More about this answer');
    await page.keyboard.press('Enter');
    await untilFocused(page.getByRole('menuitem', { name: 'Edit answer' }));
    await page.keyboard.press('Enter');
    const editor = page.getByRole('textbox', { name: 'Edit answer' });
    await editor.waitFor();
    await untilFocused(editor);
    await editor.fill('**secondo**');
    await axe(page, 'tree-edit-answer');
    await editor.press('Control+Enter');
    await untilCount(answers(page, 'echo second'), '2/2');
    await turn(page, 'echo second').getByText('Edited', { exact: true }).waitFor();
    assert.match(await answer(page, 'echo second').innerText(), /^secondo\n/);
    await untilFocused(turn(page, 'echo second').getByRole('button', { name: 'More about this answer' }));
    await answers(page, 'echo second').getByRole('button', { name: 'Previous answer' }).click();
    await untilCount(answers(page, 'echo second'), '1/2');
    assert.equal(await turn(page, 'echo second').getByText('Edited', { exact: true }).count(), 0);
    await closePage(page);
  });

  for (const [size, viewport] of SIZES) {
    test(`Branch from here begins another branch; Back to the latest shows what was there (${size})`, async () => {
      const page = await chatWith(['echo a', 'echo b', 'echo c'], { viewport });
      const branch = async () => {
        await press(page, turn(page, 'echo a').getByRole('button', { name: 'More about this answer' }));
        await press(page, page.getByRole('menuitem', { name: 'Branch from here' }));
        await untilShown(page, ['echo a']);
        await page.getByText('The next message begins a new branch here.').waitFor();
      };
      await branch();
      await press(page, page.getByRole('button', { name: 'Back to the latest' }));
      await untilShown(page, ['echo a', 'echo b', 'echo c']);
      await branch();
      await axe(page, `tree-branch-${size}`);
      await page.reload();
      await untilShown(page, ['echo a']);
      await say(page, 'echo B');
      await untilPhase(page, 'echo B', 'done');
      await untilShown(page, ['echo a', 'echo B']);
      await untilCount(versions(page, 'echo B'), '2/2');
      await press(page, versions(page, 'echo B').getByRole('button', { name: 'Previous version' }));
      await untilShown(page, ['echo a', 'echo b', 'echo c']);
      await closePage(page);
    });
  }

  test('a branch goes with undo by keyboard, and for good without', async () => {
    const page = await chatWith(['echo keep', 'echo drop', 'echo below']);
    const remove = turn(page, 'echo drop').getByRole('button', { name: 'Delete message and what follows' });
    await remove.focus();
    await page.keyboard.press('Enter');
    await untilShown(page, ['echo keep']);
    await page.getByText('4 messages deleted.').waitFor();
    await shot(page, 'tree-deleted');
    // The focus is in the input, Undo before it; a notice of the tests beside this one may stand between.
    await untilFocused(input(page));
    await tabTo(page, /^Undo$/, 'Shift+Tab');
    await page.keyboard.press('Enter');
    await untilShown(page, ['echo keep', 'echo drop', 'echo below']);
    await untilFocused(input(page));

    // One version of two goes: the other one takes its place.
    await editMessage(page, 'echo below', 'echo beneath');
    await turn(page, 'echo beneath').locator('[data-role=user]').hover();
    await turn(page, 'echo beneath').getByRole('button', { name: 'Delete message and what follows' }).click();
    await untilShown(page, ['echo keep', 'echo drop', 'echo below']);
    await until(async () => (await stored(page)).messages.length === 6, 'hob has deleted it');
    await turn(page, 'echo drop').getByRole('button', { name: 'More about this answer' }).click();
    await page.getByRole('menuitem', { name: 'Delete answer and what follows' }).click();
    await untilShown(page, ['echo keep', 'echo drop']);
    await axe(page, 'tree-deleted');
    await until(async () => (await stored(page)).messages.length === 3, 'hob has deleted the branch');
    await page.reload();
    await untilShown(page, ['echo keep', 'echo drop']);
    await closePage(page);
  });

  test('an answer goes on on a path that is not shown', async () => {
    const page = await openChat(browser, hob, slow);
    await say(page, 'echo short');
    await untilPhase(page, 'echo short', 'done');
    await turn(page, 'echo short').locator('[data-role=user]').hover();
    await turn(page, 'echo short').getByRole('button', { name: 'Edit message' }).click();
    const editor = page.getByRole('textbox', { name: 'Edit message' });
    await editor.fill('long 70');
    await editor.press('Control+Enter');
    await answer(page, 'long 70').getByText(/\S{3}/).first().waitFor();
    await versions(page, 'long 70').getByRole('button', { name: 'Previous version' }).click();
    await untilShown(page, ['echo short']);
    // Here one can go on meanwhile.
    await say(page, 'echo meanwhile');
    await untilPhase(page, 'echo meanwhile', 'done');
    assert.ok(
      (await stored(page)).messages.some((m) => m.state === 'streaming'),
      'the hidden answer is still written'
    );
    await untilShown(page, ['echo short', 'echo meanwhile']);
    await versions(page, 'echo short').getByRole('button', { name: 'Next version' }).click();
    await untilPhase(page, 'long 70', 'done');
    const { messages } = await stored(page);
    const said = messages.find((m) => m.content === 'long 70');
    const full = messages.find((m) => m.parent_id === said.id).content;
    assert.ok(full.split(/\s+/).length > 30, full);
    const text = await answer(page, 'long 70').locator('[data-markdown]').innerText();
    assert.equal(words(text), words(full.replace(/^#+ /gm, '')));
    assert.ok(await input(page).isEditable());
    await closePage(page);
  });

  test('on a phone, by touch', async () => {
    const page = await chatWith(['What is hob?'], { viewport: PHONE });
    await turn(page, 'What is hob?').getByRole('button', { name: 'Regenerate' }).tap();
    await untilCount(answers(page, 'What is hob?'), '2/2');
    await untilPhase(page, 'What is hob?', 'done');
    await turn(page, 'What is hob?').getByRole('button', { name: 'Edit message' }).tap();
    await page.getByRole('textbox', { name: 'Edit message' }).fill('echo touched');
    await axe(page, 'tree-phone-edit');
    await page.getByRole('button', { name: 'Send', exact: true }).first().tap();
    await untilPhase(page, 'echo touched', 'done');
    await versions(page, 'echo touched').getByRole('button', { name: 'Previous version' }).tap();
    await untilShown(page, ['What is hob?']);
    const small = await page
      .locator('article button:visible')
      .evaluateAll((all) =>
        all
          .filter((b) => b.getBoundingClientRect().height < 40 || b.getBoundingClientRect().width < 40)
          .map((b) => b.ariaLabel ?? b.textContent)
      );
    assert.deepEqual(small, [], 'targets are 40 px at least');
    await turn(page, 'What is hob?').getByRole('button', { name: 'More about this answer' }).tap();
    await page.getByRole('menuitem', { name: 'Branch from here' }).waitFor();
    await axe(page, 'tree-phone-menu');
    await page.getByRole('menuitem', { name: 'Delete answer and what follows' }).tap();
    await page.getByText('Message deleted.').waitFor();
    await shot(page, 'tree-phone-deleted');
    await page.getByRole('button', { name: 'Undo' }).tap();
    await untilCount(answers(page, 'What is hob?'), '2/2');
    await closePage(page);
  });
});
