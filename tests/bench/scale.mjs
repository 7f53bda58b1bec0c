// HOB=BUILD/hob node scale.mjs [--quick]: what a stream and an event cost from 10 streams to as many as descriptors allow,
// and what a request costs with a body of 1 KB to 20 MB, beside nginx and haproxy.
import { writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { dirname, join } from 'node:path';
import { PROGRAM, until } from '../lib/hob.mjs';
import { cpuTime, peakMemory, residentMemory } from '../lib/procs.mjs';
import * as measure from './measures.mjs';
import { MAX_STREAMS, endAll, removeAll, startAll, stopAll } from './relays.mjs';

const quick = process.argv.includes('--quick');
const SECONDS = quick ? 2 : 5;
const EVENTS_PER_S = 5000; // of all streams together, at most
const STREAMS = [10, 100, 1000, MAX_STREAMS];
const BODIES = [1, 10, 100, 1000, 8000, 20000].map((kb) => ({ kb, requests: Math.max(8, Math.min(4000, 80000 / kb)) }));
const NAMES = ['nginx', 'haproxy', 'hob'];

measure.useClient(join(dirname(PROGRAM), 'tests/bench/bench_load'));

/** CPU us an event and KiB a stream, with so many streams open. */
async function streamCost(relay, direct, streams) {
  const rate = Math.min(50, EVENTS_PER_S / streams);
  const before = await residentMemory(relay.pid);
  const load = measure.startClient('run', {
    port: relay.port,
    key: relay.key,
    conns: streams,
    total: streams,
    events: 1e6,
    rate
  });
  load.line.catch(() => {}); // it is ended early
  await until(async () => (await measure.upstreamStats(direct)).active === streams, `${streams} streams are open`, {
    ms: 90000
  });
  const from = { cpu: await cpuTime(relay.pid), at: performance.now() };
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
  const cost = (await cpuTime(relay.pid)) - from.cpu;
  const events = (rate * streams * (performance.now() - from.at)) / 1000;
  const memory = (await residentMemory(relay.pid)) - before;
  load.kill('SIGTERM');
  await load.ended;
  await until(async () => (await measure.upstreamStats(direct)).active === 0, 'the streams are over');
  return { event: cost / events, memory: memory / streams };
}

/** CPU us a request, MB a second, and by how many MiB its memory rose at most. */
async function bodyCost(relay, { kb, requests }) {
  const before = { cpu: await cpuTime(relay.pid), memory: await residentMemory(relay.pid) };
  await writeFile(`/proc/${relay.pid}/clear_refs`, '5'); // VmHWM begins anew
  const { done, seconds } = await measure.load('run', relay, { conns: 8, total: requests, body: kb * 1000 });
  return {
    request: ((await cpuTime(relay.pid)) - before.cpu) / done,
    speed: (done * kb) / 1000 / seconds,
    peak: ((await peakMemory(relay.pid)) - before.memory) / 1024
  };
}

/** `of` of every relay, or a dash for what it would not take. */
async function rows(relays, what, figures) {
  const found = {};
  for (const name of NAMES)
    found[name] = await what(relays[name]).catch((e) => (console.error(`${name}: ${e.message}`), null));
  return figures.flatMap(([key, digits]) => NAMES.map((name) => found[name]?.[key].toFixed(digits) ?? '-'));
}

const state = {};
process.on('exit', endAll);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));
const line = (cells) => console.log(`| ${cells.join(' | ')} |`);
const head = (first, figures) => {
  line([first, ...figures.flatMap((f) => NAMES.map((n) => `${f}, ${n}`))]);
  line(Array(1 + figures.length * NAMES.length).fill('---'));
};

console.log(`load ${loadavg()[0].toFixed(1)}, ${SECONDS} s each, at most ${EVENTS_PER_S} events/s`);
try {
  head('streams', ['CPU us/event', 'KiB/stream']);
  for (const streams of STREAMS) {
    const relays = await startAll(state, join(dirname(PROGRAM), 'tests/bench/bench_upstream'));
    const cost = (relay) => streamCost(relay, relays.direct, streams);
    line([
      streams,
      ...(await rows(relays, cost, [
        ['event', 1],
        ['memory', 2]
      ]))
    ]);
    await stopAll(relays);
  }
  head('body', ['CPU us/request', 'MB/s', 'MiB at most']);
  const relays = await startAll(state, join(dirname(PROGRAM), 'tests/bench/bench_upstream'));
  for (const body of BODIES)
    line([
      `${body.kb} KB`,
      ...(await rows(relays, (r) => bodyCost(r, body), [
        ['request', 0],
        ['speed', 0],
        ['peak', 1]
      ]))
    ]);
  await stopAll(relays);
} finally {
  endAll();
  await removeAll(state);
}
