// HOB=BUILD/hob node soak.mjs [MINUTES]: the soak of tests/chaos for longer (10 minutes), a line a minute.
import { Hob } from '../lib/hob.mjs';
import { Soak } from '../lib/soak.mjs';

const STREAMS = 1000;
const A_ROUND = 3000;
const MAX_GROWTH_MIB = 2;
const MAX_MORE_DESCRIPTORS = 16;

const minutes = Number(process.argv.slice(2).find((a) => /^\d+$/.test(a)) ?? 10);
const hob = await Hob.start();
try {
  const soak = await Soak.start(hob, STREAMS);
  const begun = performance.now();
  for (let n = 0; n < 3; n++) await soak.round(A_ROUND);
  const start = await soak.measure();
  const show = (what, p50, p99, { memory, descriptors }) =>
    console.log(
      `${what.padEnd(10)} ${p50.padStart(8)} ${p99.padStart(8)} ${memory.toFixed(1).padStart(8)} ${descriptors}`
    );
  console.log(`${STREAMS} streams are open\nrequests     p50 ms   p99 ms      MiB descriptors`);
  show('warm', '', '', start);
  let last = start;
  let shown = 0;
  for (let n = 1; performance.now() - begun < minutes * 60000; n++) {
    last = await soak.round(A_ROUND);
    const minute = Math.floor((performance.now() - begun) / 60000);
    if (minute > shown) show(`${n * A_ROUND}`, last.p50.toFixed(2), last.p99.toFixed(2), last);
    shown = Math.max(shown, minute);
  }
  const grown = last.memory - start.memory;
  const more = last.descriptors - start.descriptors;
  const { active } = await soak.stats();
  const isWell = grown <= MAX_GROWTH_MIB && more <= MAX_MORE_DESCRIPTORS && active === STREAMS;
  console.log(
    `${grown.toFixed(1)} MiB and ${more} descriptors more, ${active} streams open: ${isWell ? 'well' : 'not well'}`
  );
  await soak.end();
  if (!isWell) process.exitCode = 1;
} finally {
  await hob.stop();
}
