// Starts the real program for black-box tests: own data folder, free port, ended by its own process id.
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const PROGRAM = process.env.HOB ?? new URL('../../build/hob', import.meta.url).pathname;

const CONFIG = new URL('hob.yaml', import.meta.url).pathname;

export const ADMIN = { name: 'ada', password: 'correct horse' };

/** Waits until probe() gives something truthy; fails with `what` after the deadline. */
export async function until(probe, what, { ms = 15000, every = 20 } = {}) {
  const end = performance.now() + ms;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, every));
  }
}

/** Whether a process with this id runs (zombies do not count). */
export async function isAlive(pid) {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    return !/\) Z /.test(stat);
  } catch {
    return false;
  }
}

/** What a failed test leaves must neither keep its file from ending nor outlive it. */
const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

export class Hob {
  #child;
  log = '';
  url = '';
  port = 0;
  setupToken = null;
  cookie = '';

  constructor(dir) {
    this.dir = dir;
  }

  /**
   * options: dir (kept on stop), args, env, port, setup (false: leave the first account unmade), titles ('model': made by
   * the engines as they are by default), logFile (gets what hob logs, instead of `log`).
   */
  static async start(options = {}) {
    const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'hob-')));
    const hob = new Hob(dir);
    await hob.run(options);
    if (options.setup !== false && hob.setupToken) await hob.setUp();
    return hob;
  }

  get pid() {
    return this.#child.pid;
  }

  async run({ args = [], env = {}, port = 0, titles = 'message', logFile = null } = {}) {
    this.log = '';
    this.setupToken = null;
    const config = titles === 'message' && !args.includes('--config') ? ['--config', CONFIG] : [];
    const own = ['--listen', `127.0.0.1:${port}`, '--data', this.dir];
    const logged = logFile === null ? 'pipe' : openSync(logFile, 'a');
    const child = spawn(PROGRAM, ['serve', ...config, ...own, ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', logged]
    });
    if (logFile !== null) closeSync(logged);
    this.#child = child;
    running.add(child);
    child.on('exit', () => running.delete(child));
    child.exited = new Promise((resolve) => child.on('exit', (code, signal) => resolve({ code, signal })));
    child.unref();
    const keep = (chunk) => (this.log += chunk);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', keep);
      stream?.unref();
    }
    const ended = child.exited.then(() => 'ended');
    const line = await Promise.race([
      until(() => /runs on (http:\/\/\S+)\n/.exec(this.log), 'hob says where it listens'),
      ended
    ]);
    if (line === 'ended') throw new Error(`hob did not start:\n${this.log}`);
    this.url = line[1];
    this.port = Number(new URL(this.url).port);
    this.setupToken = /setup\?token=(\S+)/.exec(this.log)?.[1] ?? null;
  }

  /** Makes the first account and keeps its session. */
  async setUp(account = ADMIN) {
    const res = await this.post('/api/setup', { token: this.setupToken, ...account });
    if (res.status !== 201) throw new Error(`set-up: ${res.status} ${await res.text()}`);
    this.cookie = cookieOf(res);
  }

  async logIn(account = ADMIN) {
    const res = await this.post('/api/login', account);
    if (res.status !== 200) throw new Error(`log-in: ${res.status} ${await res.text()}`);
    this.cookie = cookieOf(res);
  }

  request(path, { headers = {}, ...init } = {}) {
    return fetch(this.url + path, {
      ...init,
      headers: { ...(this.cookie ? { cookie: this.cookie } : {}), ...headers }
    });
  }

  send(method, path, body, init = {}) {
    return this.request(path, {
      method,
      ...init,
      headers: { 'content-type': 'application/json', ...init.headers },
      body: JSON.stringify(body)
    });
  }

  post(path, body = {}, init = {}) {
    return this.send('POST', path, body, init);
  }

  /** GET that must be 200; gives the parsed body. */
  async get(path) {
    const res = await this.request(path);
    if (res.status !== 200) throw new Error(`GET ${path}: ${res.status} ${await res.text()}`);
    return res.json();
  }

  async server(name) {
    return (await this.get('/api/servers')).servers.find((s) => s.name === name);
  }

  /** A demo server with these options of `hob demo-engine`. */
  async addDemo(name, args = [], more = {}) {
    const res = await this.post('/api/servers', { name, kind: 'demo', args, ...more });
    if (res.status !== 201) throw new Error(`add server: ${res.status} ${await res.text()}`);
    return (await res.json()).server;
  }

  /** The same, running. */
  async addReady(name, args, more) {
    const { id } = await this.addDemo(name, args, more);
    return this.startServer(id);
  }

  /** A server that runs a command, running. */
  async addCommand(name, command) {
    const res = await this.post('/api/servers', { name, kind: 'command', command });
    if (res.status !== 201) throw new Error(`add server: ${res.status} ${await res.text()}`);
    return this.startServer((await res.json()).server.id);
  }

  /** Starts a server and waits until its engine is in `state`. */
  async startServer(id, state = 'ready') {
    await this.post(`/api/servers/${id}/start`);
    return this.untilState(id, state);
  }

  untilState(id, state, ms = 15000) {
    return until(
      async () => {
        const { server } = await this.get(`/api/servers/${id}`);
        return server.engine.state === state && server;
      },
      `server ${id} is ${state}`,
      { ms, every: 50 }
    );
  }

  /** Body of POST /api/chat/completions with new ids where none are given. */
  message(server, content, more = {}) {
    const { conversation_id = randomUUID(), id = randomUUID(), parent_id = null, ...rest } = more;
    return { conversation_id, message: { id, parent_id, content }, server, ...rest };
  }

  async addKey(name = 'test') {
    const res = await this.post('/api/keys', { name });
    return (await res.json()).secret;
  }

  /** SIGTERM, then waits for the end. Gives {code, signal}. */
  async terminate(ms = 20000) {
    this.#child.kill('SIGTERM');
    return this.#ended(ms);
  }

  async kill() {
    this.#child.kill('SIGKILL');
    return this.#ended(5000);
  }

  async #ended(ms) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => {
        this.#child.kill('SIGKILL');
        reject(new Error(`hob did not end in ${ms} ms:\n${this.log.slice(-2000)}`));
      }, ms);
    });
    try {
      return await Promise.race([this.#child.exited, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends hob and removes its folder; fails when a sanitizer spoke or the exit was not clean. */
  async stop() {
    const { code, signal } = await this.terminate();
    await rm(this.dir, { recursive: true, force: true });
    if (code !== 0 || /ERROR: \w+Sanitizer|runtime error:/.test(this.log))
      throw new Error(`hob ended with ${code ?? signal}:\n${this.log.slice(-6000)}`);
  }
}

function cookieOf(res) {
  return res.headers
    .getSetCookie()
    .map((c) => c.split(';')[0])
    .join('; ');
}

/** All events of an event-stream response: {id, event, data} and comments as {comment}. */
export async function* events(res) {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of res.body) {
    rest += decoder.decode(chunk, { stream: true });
    const frames = rest.split('\n\n');
    rest = frames.pop();
    for (const frame of frames) {
      const ev = { id: null, event: 'message', data: null };
      for (const line of frame.split('\n')) {
        if (line.startsWith(':')) ev.comment = line.slice(1).trim();
        else if (line.startsWith('id: ')) ev.id = line.slice(4);
        else if (line.startsWith('event: ')) ev.event = line.slice(7);
        else if (line.startsWith('data: ')) ev.data = (ev.data === null ? '' : ev.data + '\n') + line.slice(6);
      }
      yield ev;
    }
  }
}

/** Reads an answer to its end: {text, reasoning, done, error, ids, cut}. */
export async function readAnswer(res) {
  const answer = { text: '', reasoning: '', done: null, error: null, ids: [], comments: [], cut: false };
  try {
    for await (const ev of events(res)) {
      if (ev.id !== null) answer.ids.push(Number(ev.id));
      if (ev.comment !== undefined) answer.comments.push(ev.comment);
      if (ev.data === null || ev.data === '[DONE]') continue;
      const data = JSON.parse(ev.data);
      if (ev.event === 'done') answer.done = data;
      else if (ev.event === 'error' || data.error) answer.error = data;
      else {
        const delta = data.choices?.[0]?.delta ?? {};
        answer.text += delta.content ?? '';
        answer.reasoning += delta.reasoning_content ?? '';
      }
    }
  } catch {
    answer.cut = true;
  }
  return answer;
}
