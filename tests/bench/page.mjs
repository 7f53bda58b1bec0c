// HOB=BUILD/hob node page.mjs [--quick]: measures the page in Chromium and prints the second table of docs/performance.md.
// A frame is late by the wall clock when anything else on the machine is busy; what the page itself needs is the CPU
// time of its main thread's tasks, and that is what is judged.
import { availableParallelism, cpus, loadavg } from 'node:os';
import { launch, openPage } from '../lib/browser.mjs';
import { Hob } from '../lib/hob.mjs';
import { FRAME_MS, install, observe } from './page_probe.mjs';
import { longConversation, manyConversations } from './page_seed.mjs';

const ENGINE = new URL('page_engine.mjs', import.meta.url).pathname;
const quick = process.argv.includes('--quick');
const only = process.argv.find((a) => a.startsWith('--only='))?.slice(7);
const TURNS = 500;
const size = quick ? { rounds: 1, conversations: 2000, rate: 500 } : { rounds: 3, conversations: 10_000, rate: 500 };
const LIMIT_MS = (quick ? 180 : 420) * 1000;
const STEP_PX = 600;

const found = {};
const note = (name, value) => (found[name] ??= []).push(value);
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

async function pageOf(browser, hob) {
  const page = await openPage(browser, hob);
  await page.addInitScript(install);
  return page;
}

/** From the conversation's data to the frame with its last answer, and what the main thread did. */
async function opening(browser, hob, id) {
  const page = await pageOf(browser, hob);
  await page.goto(`${hob.url}/chat`);
  await page.getByRole('textbox', { name: 'Message', exact: true }).waitFor();
  const seen = await observe(page, async () => {
    await page.evaluate(
      ([path, last]) => {
        const entry = () => performance.getEntriesByType('resource').find((e) => e.name.endsWith(`/api${path}`));
        window.opened = new Promise((resolve) => {
          const look = () => {
            const answers = document.querySelectorAll('[data-role=assistant]');
            if (!answers[answers.length - 1]?.textContent.includes(last)) return requestAnimationFrame(look);
            requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - entry().responseEnd)));
          };
          look();
        });
        document.querySelector(`a[href$="${path.slice('/conversations/'.length)}"]`).click();
      },
      [`/conversations/${id}`, `That is the end of part ${TURNS}.`]
    );
    return page.evaluate(() => window.opened);
  });
  note('open ms', seen.result);
  note('open cpu', seen.worstTask);
  return page;
}

/** Moves the conversation by `step` a frame until it is at its other end; the number of frames. */
function scroll(page, step) {
  return page.evaluate(
    (step) =>
      new Promise((resolve) => {
        // Not by role: looking for roles takes longer than a frame here.
        const box = document.querySelector('[aria-label=Conversation]');
        let stood = 0;
        let frames = 0;
        const move = () => {
          const before = box.scrollTop;
          box.scrollTop += step;
          frames++;
          stood = Math.abs(box.scrollTop - before) < 1 ? stood + 1 : 0;
          if (stood > 30 || frames > 6000) resolve(frames);
          else requestAnimationFrame(move);
        };
        move();
      }),
    step
  );
}

async function scrolling(page) {
  for (const [name, step] of [
    ['up', -STEP_PX],
    ['down', STEP_PX]
  ]) {
    const seen = await observe(page, () => scroll(page, step));
    note(`${name} cpu`, seen.worstTask);
    note(`${name} long tasks`, seen.longTasks);
    note(`${name} frame`, seen.worstFrame);
    note(`${name} long frames`, seen.longFrames);
    note(`${name} frames`, seen.frames);
  }
}

async function streaming(browser, hob, server) {
  const page = await pageOf(browser, hob);
  await page.goto(`${hob.url}/chat?server=${server.id}`);
  await page.getByRole('button', { name: `Server: ${server.name}` }).waitFor();
  const seen = await observe(page, async () => {
    await page.getByRole('textbox', { name: 'Message', exact: true }).fill(`stream 100000 5000 ${size.rate}`);
    await page.keyboard.press('Enter');
    await page.locator('article[data-phase=done]').waitFor({ timeout: 60_000 });
    await page.waitForTimeout(1000); // what comes after the end belongs to it
  });
  note('stream cpu', seen.worstTask);
  note('stream long tasks', seen.longTasks);
  note('stream frame', seen.worstFrame);
  note('stream long frames', seen.longFrames);
  note('stream frames', seen.frames);
  await page.context().close();
}

/** The sidebar with very many conversations: scrolled, and while one of them changes. */
async function sidebar(browser, hob, server) {
  const page = await pageOf(browser, hob);
  const opened = await observe(page, async () => {
    await page.goto(`${hob.url}/chat`);
    await page.locator('nav a[href*="/chat/"], aside a[href*="/chat/"]').first().waitFor({ timeout: 60_000 });
  });
  note('list open cpu', opened.worstTask);
  const scrolled = await observe(page, () =>
    page.evaluate(async () => {
      let box = document.querySelector('a[href^="/chat/"]');
      while (box && !(box.scrollHeight > box.clientHeight + 100 && getComputedStyle(box).overflowY !== 'visible'))
        box = box.parentElement;
      if (!box) throw new Error('the list of conversations does not scroll');
      for (let n = 0; n < 300; n++) {
        box.scrollTop += 500;
        await new Promise(requestAnimationFrame);
      }
      box.scrollTop = 0;
    })
  );
  note('list cpu', scrolled.worstTask);
  note('list frame', scrolled.worstFrame);
  note('list long frames', scrolled.longFrames);
  const changed = await observe(page, async () => {
    for (let n = 0; n < 3; n++) {
      const body = hob.message(server.id, `turn ${n}`);
      await (await hob.post('/api/chat/completions', body)).text();
      await page.locator(`a[href$="${body.conversation_id}"]`).waitFor({ timeout: 30_000 });
    }
  });
  note('event cpu', changed.worstTask);
  note('event frame', changed.worstFrame);
  await page.context().close();
}

/** What comes over the wire until the chat can be written in, and how long that takes. */
async function firstLoad(browser, hob) {
  const page = await pageOf(browser, hob);
  const devtools = await page.context().newCDPSession(page);
  let bytes = 0;
  devtools.on('Network.loadingFinished', (e) => (bytes += e.encodedDataLength));
  await devtools.send('Network.enable');
  const begun = performance.now();
  await page.goto(`${hob.url}/chat`);
  await page.getByRole('textbox', { name: 'Message', exact: true }).waitFor();
  note('load ms', performance.now() - begun);
  await page.waitForTimeout(1000); // for what it loads ahead
  note('load kB', bytes / 1000);
  await page.context().close();
}

/* ---- the table ---- */

const rows = [];
function row(what, figure, unit, limit, extra = '') {
  const values = found[figure];
  if (!values) return;
  const worst = Math.max(...values);
  const digits = unit === 'ms' && worst < 10 ? 1 : 0;
  const text = `${median(values).toFixed(digits)} ${unit} (${worst.toFixed(digits)})${extra}`;
  rows.push([
    what,
    text,
    limit === null ? '' : `< ${limit} ${unit}`,
    limit === null ? '' : median(values) < limit ? 'yes' : 'no'
  ]);
}

function framesNote(name) {
  const long = found[`${name} long frames`];
  if (!long) return '';
  const frame = Math.max(...found[`${name} frame`]).toFixed(0);
  const of = found[`${name} frames`] ? ` of ${median(found[`${name} frames`])}` : '';
  return `; frames late by the clock: ${median(long)}${of}, worst ${frame} ms`;
}

function print() {
  row(`${TURNS * 2} messages: from their arrival to the last answer`, 'open ms', 'ms', 500);
  row('the same, longest task', 'open cpu', 'ms', null);
  row('scrolling to the first, longest task', 'up cpu', 'ms', FRAME_MS, framesNote('up'));
  row('scrolling back, longest task', 'down cpu', 'ms', FRAME_MS, framesNote('down'));
  row(
    `100 kB answer in 5,000 chunks, ${size.rate}/s, longest task`,
    'stream cpu',
    'ms',
    FRAME_MS,
    framesNote('stream')
  );
  row(`${size.conversations} conversations: longest task while opening`, 'list open cpu', 'ms', null);
  row('the same, scrolling, longest task', 'list cpu', 'ms', FRAME_MS, framesNote('list'));
  row('the same, a new conversation comes, longest task', 'event cpu', 'ms', FRAME_MS);
  row('first load of /chat, compressed', 'load kB', 'KB', 250);
  row('the same, until one can write', 'load ms', 'ms', null);
  const all = [['what', 'median (worst)', 'target', 'met'], ...rows];
  const widths = all[0].map((_, i) => Math.max(...all.map((r) => r[i].length)));
  const line = (r) => `| ${r.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`;
  console.log(line(all[0]));
  console.log(`| ${widths.map((w) => '-'.repeat(w)).join(' | ')} |`);
  for (const r of rows) console.log(line(r));
}

const about = () =>
  `${availableParallelism()} x ${cpus()[0].model.trim()}, load ${loadavg()
    .map((l) => l.toFixed(1))
    .join(' ')}, ` + `${size.rounds} round(s)`;

setTimeout(() => {
  console.error(`bench: not done after ${LIMIT_MS / 1000} s`);
  process.exit(1);
}, LIMIT_MS).unref();

const wanted = (part) => !only || only === part;
console.log(about());
const hob = await Hob.start();
const browser = await launch();
try {
  const res = await hob.post('/api/servers', {
    name: 'writer',
    kind: 'command',
    command: [process.execPath, ENGINE, '${PORT}']
  });
  const { server } = await res.json();
  await hob.startServer(server.id);
  const id = wanted('long') ? await longConversation(hob, server.id, TURNS) : null;
  for (let n = 0; n < size.rounds; n++) {
    if (wanted('load')) await firstLoad(browser, hob);
    if (wanted('stream')) await streaming(browser, hob, server);
    if (!id) continue;
    const page = await opening(browser, hob, id);
    await scrolling(page);
    await page.context().close();
  }
  if (wanted('list')) {
    await manyConversations(hob, server.id, size.conversations);
    for (let n = 0; n < size.rounds; n++) await sidebar(browser, hob, server);
  }
  print();
  console.log(about());
} finally {
  await browser.close();
  await hob.stop();
}
