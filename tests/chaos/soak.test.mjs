// 10,000 requests of all kinds beside 1,000 open streams: hob is afterwards as it was after the first of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Hob, until } from '../lib/hob.mjs';
import { descriptors } from '../lib/procs.mjs';
import { Soak } from '../lib/soak.mjs';

const STREAMS = 1000;
const ROUNDS = 8;
const A_ROUND = 1250;
const WARM_UP = 3; // rounds before what is compared: the database fills its cache
// What was freed is kept back by the sanitizer; then it would look like growth.
const ASAN_OPTIONS = `${process.env.ASAN_OPTIONS ?? ''}:quarantine_size_mb=1:thread_local_quarantine_size_kb=16`;

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

test(`${ROUNDS * A_ROUND} mixed requests beside ${STREAMS} streams: no growth of memory or descriptors, latency stable`, async (t) => {
  const hob = await Hob.start({ env: { ASAN_OPTIONS } });
  t.after(() => hob.stop());
  const soak = await Soak.start(hob, STREAMS);
  for (let n = 0; n < WARM_UP; n++) await soak.round(A_ROUND);
  const start = await soak.measure();
  const rounds = [];
  for (let n = 0; n < ROUNDS; n++) rounds.push(await soak.round(A_ROUND));
  for (const r of rounds)
    t.diagnostic(
      `p50 ${r.p50.toFixed(1)} ms, p99 ${r.p99.toFixed(1)} ms, ${r.cpu.toFixed(0)} us a request, ${r.memory.toFixed(1)} MiB, ${r.descriptors} descriptors`
    );
  const last = rounds.at(-1);
  assert.ok(last.memory - start.memory < 5, `memory grew from ${start.memory} to ${last.memory} MiB`);
  assert.ok(last.descriptors - start.descriptors <= 16, `descriptors: ${start.descriptors}, then ${last.descriptors}`);
  const halves = [rounds.slice(0, ROUNDS / 2), rounds.slice(ROUNDS / 2)];
  const [before, after] = halves.map((part) => ({
    p50: median(part.map((r) => r.p50)),
    cpu: median(part.map((r) => r.cpu))
  }));
  assert.ok(after.cpu < before.cpu * 1.5, `a request took ${before.cpu} us of a processor, later ${after.cpu}`);
  // what else the machine does counts here
  assert.ok(after.p50 < before.p50 * 5 + 100, `a small request took ${before.p50} ms, later ${after.p50} ms`);
  const { active, aborted } = await soak.stats();
  assert.equal(active, STREAMS, 'all streams are still open');
  assert.ok(aborted > 0, 'clients have left others');
  await soak.end();
  await until(async () => (await hob.server('bench')).engine.active === 0, 'nothing is counted as active');
  await until(async () => (await descriptors(hob.pid)) < 200, 'the descriptors of the streams are back');
});
