// More connections than anybody needs: thousands that say nothing, thousands that say little, and no descriptor left.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { connect } from 'node:net';
import { test } from 'node:test';
import { Hob, until } from '../lib/hob.mjs';
import { cpuTime, descriptors, residentMemory } from '../lib/procs.mjs';
import { takeApart, talk } from '../lib/raw.mjs';
import { Soak } from '../lib/soak.mjs';

const HAVE = Number(execFileSync('/bin/sh', ['-c', 'ulimit -Hn']).toString().replace('unlimited', '1000000'));
const STREAMS = 1000;
const IDLE = Math.min(10000, HAVE - 2 * STREAMS - 1000); // where fewer descriptors are allowed
const SLOW = Math.min(4000, IDLE);
const MAX_MEMORY_MIB = 256;

/** So many connections, a few at a time so that none waits in the queue. */
async function openMany(port, n) {
  const sockets = [];
  while (sockets.length < n) {
    const some = Array.from({ length: Math.min(500, n - sockets.length) }, () => {
      const socket = connect(port, '127.0.0.1');
      socket.opened = new Promise((resolve) => socket.on('connect', resolve).on('error', resolve));
      return socket;
    });
    await Promise.all(some.map((s) => s.opened));
    sockets.push(...some);
  }
  return sockets;
}

const ASK = 'GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

/** The time in ms of 200 small requests, one after the other: the slowest two not counted. */
async function p99(port) {
  const times = [];
  for (let n = 0; n < 200; n++) {
    const begun = performance.now();
    const [answer] = takeApart((await talk(port, ASK)).bytes).responses;
    assert.equal(answer?.status, 200);
    times.push(performance.now() - begun);
  }
  return times.sort((a, b) => a - b)[197];
}

test(
  `${IDLE} idle connections and ${STREAMS} streams in ${MAX_MEMORY_MIB} MiB, and ${SLOW} that dribble keep nobody waiting`,
  { timeout: 180000 },
  async (t) => {
    assert.ok(IDLE >= 1000, `only ${HAVE} descriptors are allowed here`);
    const hob = await Hob.start();
    const soak = await Soak.start(hob, STREAMS);
    const alone = await p99(hob.port);
    const before = await descriptors(hob.pid);
    const idle = await openMany(hob.port, IDLE);
    await until(async () => (await descriptors(hob.pid)) >= before + IDLE, 'all are taken');
    const memory = (await residentMemory(hob.pid)) / 1024;
    t.diagnostic(`${IDLE} connections and ${STREAMS} streams: ${memory.toFixed(1)} MiB`);
    assert.ok(memory < MAX_MEMORY_MIB, `${memory} MiB`);
    // each of these sends a byte of its header now and then
    let at = 0;
    const dribble = setInterval(() => {
      for (let k = 0; k < SLOW / 50; k++) idle[at++ % SLOW].write(at < SLOW ? 'G' : 'x');
    }, 20);
    const crowded = await p99(hob.port);
    clearInterval(dribble);
    t.diagnostic(`p99 of a small request: ${alone.toFixed(1)} ms alone, ${crowded.toFixed(1)} ms beside them`);
    assert.ok(crowded < 100 + 2 * alone, `${crowded} ms, alone ${alone} ms`);
    for (const s of idle) s.destroy();
    await until(async () => (await descriptors(hob.pid)) <= before + 16, 'the descriptors are back');
    await soak.end();
    await hob.stop();
  }
);

test(
  'no descriptor left: hob does not spin, what runs goes on, and a second after some are free it answers',
  { timeout: 60000 },
  async () => {
    const hob = await Hob.start();
    await hob.addReady('quick', ['--tokens-per-second', '50']);
    const key = await hob.addKey();
    const body = { model: 'quick', stream: true, messages: [{ role: 'user', content: 'long 3000' }] };
    const stream = await hob.post('/v1/chat/completions', body, {
      headers: { authorization: `Bearer ${key}`, cookie: '' }
    });
    const reader = stream.body.getReader();
    await reader.read();
    const limit = (await descriptors(hob.pid)) + 20;
    execFileSync('prlimit', [`--pid=${hob.pid}`, `--nofile=${limit}:${limit}`]);
    const crowd = await openMany(hob.port, 200);
    await until(() => /no descriptor for a connection/.test(hob.log), 'descriptors have run out');
    const cpu = await cpuTime(hob.pid);
    const begun = performance.now();
    for (let n = 0; n < 20; n++) assert.equal((await reader.read()).done, false, 'the stream goes on');
    await new Promise((resolve) => setTimeout(resolve, 1000)); // of which the time that hob uses is measured
    const share = ((await cpuTime(hob.pid)) - cpu) / 1000 / (performance.now() - begun);
    assert.ok(share < 0.5, `hob uses ${(share * 100).toFixed(0)} % of a processor`);
    const warnings = hob.log.match(/no descriptor for a connection/g).length;
    assert.ok(warnings < 100, `${warnings} lines in the log`);
    for (const s of crowd) s.destroy();
    await until(async () => (await descriptors(hob.pid)) < limit - 10, 'some are free');
    const free = performance.now();
    const [answer] = takeApart((await talk(hob.port, ASK)).bytes).responses;
    assert.equal(answer.status, 200);
    assert.ok(performance.now() - free < 1000, 'within a second');
    assert.equal((await reader.read()).done, false, 'the stream still goes on');
    await reader.cancel();
    await hob.stop();
  }
);
