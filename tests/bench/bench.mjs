// HOB=BUILD/hob node bench.mjs [--quick]: measures that program beside nginx and haproxy and prints the table.
import { availableParallelism, cpus, loadavg } from 'node:os';
import { dirname, join } from 'node:path';
import { Hob, PROGRAM } from '../lib/hob.mjs';
import * as measure from './measures.mjs';
import { endAll, removeAll, startAll, stopAll } from './relays.mjs';

const build = dirname(PROGRAM);
const quick = process.argv.includes('--quick');
const size = quick
  ? { rounds: 1, pieces: 3, seconds: 1, requests: 5000, streams: 2000, first: 500, starts: 5, stall: 3 }
  : { rounds: 3, pieces: 4, seconds: 2, requests: 8000, streams: 2000, first: 1000, starts: 20, stall: 8 };
const LIMIT_MS = (quick ? 180 : 600) * 1000;
const NAMES = ['nginx', 'haproxy', 'hob'];

measure.useClient(join(build, 'tests/bench/bench_load'));

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const found = {}; // "figure relay" -> its values; the same index is the same moment

function note(figure, relay, value) {
  (found[`${figure} ${relay}`] ??= []).push(value);
}

function value(figure, relay) {
  return median(found[`${figure} ${relay}`]);
}

/** The median of the ratios to nginx at the same moment: on a busy machine they vary less than the values. */
function ratio(figure, relay) {
  const base = found[`${figure} nginx`];
  return median(found[`${figure} ${relay}`].map((v, i) => v / base[i]));
}

/** Each relay in turn; every turn begins with another, so that none always has the quiet moment. */
async function eachRelay(relays, turn, what, names = NAMES) {
  for (let i = 0; i < names.length; i++) await what(relays[names[(i + turn) % names.length]]);
}

/** In short pieces, one relay close after the other: what else the machine does then hits all of them. */
async function runPiece(relays, turn) {
  await eachRelay(relays, turn, async (r) => note('event', r.name, await measure.eventCost(r, size)));
  await eachRelay(relays, turn, async (r) => note('request', r.name, await measure.requestCost(r, size)));
  const first = async (r) => {
    const { p50, p99 } = await measure.firstEvent(r, { streams: size.first });
    note('first50', r.name, p50);
    note('first99', r.name, p99);
  };
  await eachRelay(relays, turn, first, ['direct', ...NAMES]);
}

async function run(round, state) {
  const relays = await startAll(state, join(build, 'tests/bench/bench_upstream'));
  const { hob } = relays;
  try {
    note('idle', 'hob', await measure.idleMemory(hob));
    await eachRelay(relays, round, async (r) => note('memory', r.name, await measure.streamMemory(r, size)));
    for (let i = 0; i < size.pieces; i++) await runPiece(relays, round + i);
    const stall = await measure.loopStall(hob, state.server, { seconds: size.stall });
    note('stall', 'hob', (stall.busy - stall.idle) / 1000);
    note('chats', 'hob', stall.chatsPerS);
    if (round === 0) {
      const page = await measure.firstLoad(hob.hob);
      if (page !== null) note('page', 'hob', page);
    }
  } finally {
    await stopAll(relays);
  }
}

/* ---- the table ---- */

const rows = [];

/** One row: what, a cell for each relay, the target and whether hob meets it (null: not measured). */
function row(what, cells, target, met) {
  rows.push([what, ...cells, target, met === null ? '' : met ? 'yes' : 'no']);
}

function compared(figure, what, target, digits, factor) {
  const cells = NAMES.map((n) => {
    const v = value(figure, n).toFixed(digits);
    return n === 'nginx' ? v : `${v} (x${ratio(figure, n).toFixed(2)})`;
  });
  row(what, cells, target, factor === null ? value(figure, 'hob') <= 4 : ratio(figure, 'hob') <= factor);
}

/** Added over direct, in ms. */
function added(figure, what, limit) {
  const direct = found[`${figure} direct`];
  const of = (name) => median(found[`${figure} ${name}`].map((v, i) => v - direct[i])) / 1000;
  row(
    what,
    NAMES.map((n) => of(n).toFixed(3)),
    `< ${limit}`,
    of('hob') < limit
  );
}

function single(figure, what, digits, limit, unit, sign = '<=') {
  if (!found[`${figure} hob`]) {
    row(what, ['', '', 'not measured'], `${sign} ${limit} ${unit}`, null);
    return;
  }
  const v = value(figure, 'hob');
  row(
    what,
    ['', '', `${v.toFixed(digits)} ${unit}`],
    `${sign} ${limit} ${unit}`,
    sign === '<' ? v < limit : v <= limit
  );
}

function print() {
  compared('event', 'CPU us/relayed event, 200 streams x 50/s', '<= nginx', 1, 1);
  compared('request', 'CPU us/small request, 64 keep-alive', '<= nginx x 1.25', 1, 1.25);
  compared('memory', `KiB/idle open stream, ${size.streams} held`, '<= 4', 2, null);
  added('first50', 'ms added to first event, p50', 0.1);
  added('first99', 'ms added to first event, p99', 0.9);
  single('idle', 'resident memory, idle, page served', 1, 10, 'MiB');
  single('start', `start to first answer, median of ${size.starts}`, 1, 50, 'ms');
  single('size', 'program, stripped', 2, 5, 'MiB');
  single('stall', `loop stall p99.9, ${value('chats', 'hob').toFixed(0)} chats/s stored`, 1, 20, 'ms', '<');
  single('page', 'first load of the page, compressed', 0, 250, 'KB');
  const all = [['what', ...NAMES, 'target', 'met'], ...rows];
  const widths = all[0].map((_, i) => Math.max(...all.map((r) => r[i].length)));
  const line = (r) => `| ${r.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`;
  console.log(line(all[0]));
  console.log(`| ${widths.map((w) => '-'.repeat(w)).join(' | ')} |`);
  for (const r of rows) console.log(line(r));
}

function about() {
  const load = loadavg().map((l) => l.toFixed(1));
  return `${availableParallelism()} x ${cpus()[0].model.trim()}, load ${load.join(' ')}, ${size.rounds} round(s), medians`;
}

const state = {};
let failed = null;
// Whatever happens: nothing stays behind.
process.on('exit', endAll);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));
setTimeout(() => {
  console.error(`bench: not done after ${LIMIT_MS / 1000} s`);
  process.exit(1);
}, LIMIT_MS).unref();

console.log(about());
try {
  for (let round = 0; round < size.rounds; round++) await run(round, state);
  const idle = await Hob.start();
  await idle.terminate();
  for (const ms of await measure.startTimes(PROGRAM, idle.dir, size)) note('start', 'hob', ms);
  await removeAll({ dir: idle.dir });
  note('size', 'hob', await measure.programSize(PROGRAM));
  print();
  console.log(about());
} catch (e) {
  failed = e;
}
endAll();
await removeAll(state);
if (failed) throw failed;
