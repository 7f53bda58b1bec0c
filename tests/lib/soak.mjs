// A long and mixed load on one hob: streams that stay open, and round after round of requests of all kinds beside them. What
// each round costs is measured when its requests are over. The engine and most clients are the bench's tools.
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { PROGRAM, until } from './hob.mjs';
import { freePorts } from './ports.mjs';
import { cpuTime, descriptors, residentMemory } from './procs.mjs';
import { takeApart, talk } from './raw.mjs';

const TOOLS = join(dirname(PROGRAM), 'tests/bench');
const ODD_AT_ONCE = 8;

function load(mode, options) {
  const args = Object.entries(options).map(([name, value]) => `${name}=${value}`);
  const child = spawn(join(TOOLS, 'bench_load'), [mode, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const end = () => child.kill('SIGKILL');
  process.on('exit', end);
  let out = '';
  child.result = new Promise((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (d) => {
      out += d;
      if (out.includes('\n')) resolve(JSON.parse(out));
    });
    child
      .on('error', reject)
      .on('close', (code) => (process.off('exit', end), reject(new Error(`bench_load: ${code}`))));
  });
  return child;
}

/** Requests that are not like most: [what, bytes, wanted status or null: the client leaves after the first bytes]. */
function oddRequests(key, cookie) {
  const head = (line, more = '') => `${line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${more}`;
  const bearer = `Authorization: Bearer ${key}\r\n`;
  const ask = (body, more = bearer) =>
    head(
      'POST /v1/chat/completions',
      `${more}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`
    ) + body;
  const chat = (more = '', text = 'hi') => `{"model":"bench",${more}"messages":[{"role":"user","content":"${text}"}]}`;
  const stream = chat('"stream":true,"events":100000,"r":100,');
  return [
    ['models', head('GET /v1/models', `${bearer}\r\n`), 200],
    ['health', head('GET /health', '\r\n'), 200],
    ['servers', head('GET /api/servers', `Cookie: ${cookie}\r\n\r\n`), 200],
    ['the page', head('GET /login', '\r\n'), 200],
    ['a long prompt', ask(chat('', 'x'.repeat(200_000))), 200],
    ['an unknown model', ask('{"model":"nobody","messages":[]}'), 404],
    ['a wrong key', ask(chat(), 'Authorization: Bearer sk-wrong\r\n'), 401],
    ['no JSON', ask('{"model":'), 400],
    ['no HTTP', head('GET /health', 'X-A : 1\r\n\r\n'), 400],
    ['a route nobody has', head('GET /api/nothing', '\r\n'), 404],
    ['a stream that is left', ask(stream), null],
    ['a body that breaks off', ask(stream).slice(0, -30), null]
  ];
}

/** Reads a little, if anything comes, and goes; a reset every other time. */
function leave(port, bytes, n) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const go = () => (n % 2 ? socket.resetAndDestroy() : socket.destroy());
    socket.on('error', () => {}).on('close', resolve);
    socket.once('data', go).write(bytes, () => setTimeout(go, 200));
  });
}

export class Soak {
  #hold;

  /** hob must be fresh; `streams` stay open from now on. */
  static async start(hob, streams) {
    const soak = new Soak();
    soak.hob = hob;
    soak.streams = streams;
    soak.key = await hob.addKey('soak');
    [soak.statsPort] = await freePorts(1);
    await hob.addCommand('bench', [join(TOOLS, 'bench_upstream'), '${PORT}', String(soak.statsPort)]);
    soak.#hold = load('hold', { port: hob.port, key: soak.key, conns: streams, events: 2 });
    const { errors } = await soak.#hold.result;
    if (errors) throw new Error(`${errors} of ${streams} streams failed`);
    return soak;
  }

  async stats() {
    return (await fetch(`http://127.0.0.1:${this.statsPort}/stats`)).json();
  }

  async #odd(count) {
    const requests = oddRequests(this.key, this.hob.cookie);
    let next = 0;
    const one = async () => {
      while (next < count) {
        const n = next++;
        const [what, bytes, status] = requests[n % requests.length];
        if (status === null) {
          await leave(this.hob.port, bytes, n);
          continue;
        }
        const got = takeApart((await talk(this.hob.port, bytes)).bytes).responses.map((r) => r.status);
        if (got.length !== 1 || got[0] !== status) throw new Error(`${what}: answered ${got}, not ${status}`);
      }
    };
    await Promise.all(Array.from({ length: ODD_AT_ONCE }, one));
  }

  /**
   * So many requests, a third of them odd ones; then {p50, p99} of small ones in ms, {cpu}, what hob used in us a request,
   * {memory} in MiB, {descriptors}.
   */
  async round(requests) {
    const share = Math.ceil(requests / 3);
    const common = { port: this.hob.port, key: this.key, conns: 16, total: share };
    const runs = [load('run', common), load('run', { ...common, events: 5, rate: 0 })];
    const cpu = await cpuTime(this.hob.pid);
    const [small, streamed] = await Promise.all([...runs.map((r) => r.result), this.#odd(share)]);
    if (small.errors + streamed.errors) throw new Error(`${small.errors} and ${streamed.errors} requests failed`);
    await until(async () => (await this.stats()).active === this.streams, 'only the streams that stay are open');
    const [p50, p99] = [small.whole_p50 / 1000, small.whole_p99 / 1000];
    const used = (await cpuTime(this.hob.pid)) - cpu;
    return { p50, p99, cpu: used / requests, ...(await this.measure()) };
  }

  async measure() {
    const { pid } = this.hob;
    return { memory: (await residentMemory(pid)) / 1024, descriptors: await descriptors(pid) };
  }

  /** Lets the streams go. */
  async end() {
    this.#hold.stdin.end();
    await until(async () => (await this.stats()).active === 0, 'all streams are over');
  }
}
