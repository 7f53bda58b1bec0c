// One function a figure: each runs a load against a relay and gives the number, in the unit of its row.
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../lib/ports.mjs';
import { cpuTime, residentMemory } from '../lib/procs.mjs';
import { CLIENT_CPU, RELAY_CPU, end, start } from './relays.mjs';

let client; // the path of bench_load

export function useClient(path) {
  client = path;
}

export function startClient(mode, options, stdin = 'ignore') {
  const args = Object.entries(options).map(([name, value]) => `${name}=${value}`);
  const child = start(CLIENT_CPU, [client, mode, ...args], { stdio: [stdin, 'pipe', 'pipe'] });
  child.out = '';
  child.line = new Promise((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text) => {
      child.out += text;
      if (child.out.includes('\n')) resolve(JSON.parse(child.out));
    });
    child.on('exit', (code) => code && reject(new Error(`bench_load ${mode}: ${child.log || code}`)));
  });
  return child;
}

export async function load(mode, relay, options) {
  const child = startClient(mode, { port: relay.port, key: relay.key, ...options });
  const result = await child.line;
  await child.ended;
  if (result.errors) throw new Error(`${relay.name}: ${result.errors} of ${result.done} requests failed`);
  return result;
}

/** What the upstream has counted: {requests, active, aborted}. */
export async function upstreamStats(direct) {
  return (await fetch(`http://127.0.0.1:${direct.port}/stats`)).json();
}

/** CPU us for each event of 200 streams at 50 a second. */
export async function eventCost(relay, { seconds }) {
  const before = await cpuTime(relay.pid);
  const { events } = await load('run', relay, { conns: 200, total: 200, events: 50 * seconds, rate: 50 });
  return ((await cpuTime(relay.pid)) - before) / events;
}

/** CPU us for each small request over 64 kept connections. */
export async function requestCost(relay, { requests }) {
  const before = await cpuTime(relay.pid);
  const { done } = await load('run', relay, { conns: 64, total: requests });
  return ((await cpuTime(relay.pid)) - before) / done;
}

/** KiB of resident memory for each stream that was begun and says nothing. The relay should be fresh. */
export async function streamMemory(relay, { streams }) {
  await load('run', relay, { conns: 32, total: 512, events: 2, rate: 0 });
  const before = await residentMemory(relay.pid);
  const held = startClient('hold', { port: relay.port, key: relay.key, conns: streams, events: 2 }, 'pipe');
  const { errors } = await held.line;
  if (errors) throw new Error(`${relay.name}: ${errors} of ${streams} streams failed`);
  const after = await residentMemory(relay.pid);
  held.stdin.end();
  await held.ended;
  return (after - before) / streams;
}

/** Time to the first event of a stream, a few at a time: {p50, p99} in us. */
export async function firstEvent(relay, { streams }) {
  const { first_p50, first_p99 } = await load('run', relay, { conns: 4, total: streams, events: 3, rate: 400 });
  return { p50: first_p50, p99: first_p99 };
}

/** How long hob's loop keeps a small request waiting, in us: {idle, busy, chats_per_s}. */
export async function loopStall(relay, server, { seconds }) {
  const poll = () => startClient('poll', { port: relay.port, interval_us: 1000, seconds }).line;
  const idle = await poll();
  const chats = startClient('chat', { port: relay.port, key: relay.key, server, conns: 64, seconds: seconds + 2 });
  await new Promise((resolve) => setTimeout(resolve, 1000)); // let the writers get going
  const busy = await poll();
  const { done, errors, seconds: took } = await chats.line;
  await chats.ended;
  if (errors) throw new Error(`${errors} of ${done} chats failed`);
  return { idle: idle.wait_p999, busy: busy.wait_p999, chatsPerS: done / took };
}

/** One GET over a new connection: {status, body, bytes}; null when nothing listens. */
function get(port, path, headers = {}) {
  return new Promise((resolve) => {
    const req = request({ port, path, headers, agent: false }, (res) => {
      let bytes = 0;
      res.on('data', (chunk) => (bytes += chunk.length));
      res.on('end', () => resolve({ status: res.statusCode, bytes }));
    });
    req.on('error', () => resolve(null));
    req.end();
  });
}

/** Times in ms from the start of the program on its data to its first answer. */
export async function startTimes(program, dir, { starts }) {
  const times = [];
  for (let i = 0; i < starts; i++) {
    const [port] = await freePorts(1);
    const begun = performance.now();
    const child = start(RELAY_CPU, [program, 'serve', '--listen', `127.0.0.1:${port}`, '--data', dir]);
    while ((await get(port, '/health'))?.status !== 200) {
      if (child.exitCode !== null || performance.now() - begun > 5000) throw new Error(`hob: ${child.log}`);
    }
    times.push(performance.now() - begun);
    await end(child);
  }
  return times;
}

/** MiB that hob has when it has served the page and does nothing. */
export async function idleMemory(relay) {
  for (const path of ['/login', '/favicon.svg', '/health']) await get(relay.port, path);
  return (await residentMemory(relay.pid)) / 1024;
}

/** MiB of the program without its symbols. */
export async function programSize(program) {
  const dir = await mkdtemp(join(tmpdir(), 'hob-bench-'));
  execFileSync('strip', ['-o', join(dir, 'hob'), program]);
  const { size } = await stat(join(dir, 'hob'));
  await rm(dir, { recursive: true });
  return size / 1024 / 1024;
}

/** KB that Chromium receives, headers included, until /login is there; null without a browser. */
export async function firstLoad(hob) {
  const { launch } = await import('../lib/browser.mjs').catch(() => ({}));
  const browser = await launch?.().catch(() => null);
  if (!browser) return null;
  try {
    const page = await browser.newPage();
    const devtools = await page.context().newCDPSession(page);
    let bytes = 0;
    devtools.on('Network.loadingFinished', (e) => (bytes += e.encodedDataLength));
    await devtools.send('Network.enable');
    await page.goto(`${hob.url}/login`);
    await page.getByRole('button').first().waitFor();
    await page.waitForTimeout(1000); // for what it loads ahead
    return bytes / 1000;
  } finally {
    await browser.close();
  }
}
