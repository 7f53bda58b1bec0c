// What is measured: hob, and nginx and haproxy in front of the same upstream, each on a CPU of its own if there are two.
import { execFileSync, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { Hob, until } from '../lib/hob.mjs';
import { freePorts } from '../lib/ports.mjs';
import { descendants } from '../lib/procs.mjs';

const pins = availableParallelism() > 1;
export const CLIENT_CPU = 0; // the upstream and the clients
export const RELAY_CPU = 1;
const FILES = Number(execFileSync('/bin/sh', ['-c', 'ulimit -Hn']).toString().replace('unlimited', '65536'));
/** A stream costs a relay two descriptors. */
export const MAX_STREAMS = Math.min(10000, Math.floor(FILES * 0.45));

/** The command line that runs argv on this CPU. */
export function pinned(cpu, argv) {
  return pins ? ['/usr/bin/taskset', '-c', String(cpu), ...argv] : argv;
}

function pin(pid, cpu) {
  if (pins) execFileSync('/usr/bin/taskset', ['-a', '-p', '-c', String(cpu), String(pid)], { stdio: 'ignore' });
}

const children = new Set(); // that still run
const hobs = new Set(); // the same, as tests/lib starts them

/** Starts a program on a CPU; it ends with this process, by its id. */
export function start(cpu, argv, options = {}) {
  const [file, ...args] = pinned(cpu, argv);
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'], ...options });
  child.log = '';
  child.stderr?.setEncoding('utf8').on('data', (text) => (child.log += text));
  child.ended = new Promise((resolve) => child.on('exit', resolve));
  children.add(child);
  child.on('exit', () => children.delete(child));
  return child;
}

export async function end(child) {
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 5000);
  await child.ended;
  clearTimeout(late);
}

export function endAll() {
  for (const child of children) child.kill('SIGTERM');
  for (const hob of hobs) process.kill(hob.pid, 'SIGKILL');
}

async function untilAnswers(port, child) {
  await until(
    async () => {
      if (child.exitCode !== null) throw new Error(child.log);
      const res = await fetch(`http://127.0.0.1:${port}/health`).catch(() => null);
      await res?.arrayBuffer();
      return res?.status === 200;
    },
    `${child.spawnfile} answers`,
    { ms: 10000 }
  );
}

async function startNginx(dir, upstreamPort) {
  const [port] = await freePorts(1);
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((t) => `${t}_temp_path ${dir}/${t};`).join(' ');
  const config = `daemon off; pid ${dir}/pid; error_log stderr crit; worker_processes 1; worker_rlimit_nofile ${FILES};
${process.getuid() === 0 ? `user ${userInfo().username};` : ''}
events { worker_connections ${FILES}; }
http {
	access_log off; client_max_body_size 64m; ${temp}
	keepalive_requests 1000000000;
	upstream engine { server 127.0.0.1:${upstreamPort}; keepalive 256; keepalive_requests 1000000000; }
	server {
		listen 127.0.0.1:${port} backlog=4096;
		location / {
			proxy_pass http://engine; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
		}
	}
}
`;
  await writeFile(join(dir, 'nginx.conf'), config);
  const child = start(RELAY_CPU, ['nginx', '-p', dir, '-e', 'stderr', '-c', join(dir, 'nginx.conf')]);
  await untilAnswers(port, child);
  const [worker] = await descendants(child.pid);
  return { name: 'nginx', port, pid: worker.pid, key: 'none', stop: () => end(child) };
}

async function startHaproxy(dir, upstreamPort) {
  const [port] = await freePorts(1);
  const config = `global
	nbthread 1
	maxconn ${MAX_STREAMS}
defaults
	mode http
	option abortonclose
	http-reuse always
	timeout connect 5s
	timeout client 600s
	timeout server 600s
frontend all
	bind 127.0.0.1:${port} backlog 4096
	default_backend engine
backend engine
	server one 127.0.0.1:${upstreamPort}
`;
  await writeFile(join(dir, 'haproxy.cfg'), config);
  const child = start(RELAY_CPU, ['haproxy', '-db', '-f', join(dir, 'haproxy.cfg')]);
  await untilAnswers(port, child);
  return { name: 'haproxy', port, pid: child.pid, key: 'none', stop: () => end(child) };
}

/**
 * hob with the upstream as its only engine, which also listens on a port for the others. It logs to a file, as a service does: a
 * pipe's reader, this process, would be woken for every request, on whatever CPU.
 */
export async function startHob(state, upstream) {
  const first = !state.dir;
  state.scratch ??= await mkdtemp(join(tmpdir(), 'hob-bench-'));
  const logFile = join(state.scratch, 'hob.log');
  const hob = await Hob.start(first ? { logFile } : { dir: state.dir, logFile });
  hobs.add(hob);
  state.dir = hob.dir;
  if (first) {
    state.cookie = hob.cookie;
    state.key = await hob.addKey('bench');
    [state.upstreamPort] = await freePorts(1);
    const command = pinned(CLIENT_CPU, [upstream, '${PORT}', String(state.upstreamPort)]);
    const res = await hob.post('/api/servers', { name: 'bench', kind: 'command', command, autostart: true });
    if (res.status !== 201) throw new Error(`add server: ${res.status} ${await res.text()}`);
    state.server = (await res.json()).server.id;
  }
  hob.cookie = state.cookie;
  pin(hob.pid, RELAY_CPU);
  await hob.startServer(state.server);
  const stop = async () => {
    hobs.delete(hob);
    await hob.terminate();
  };
  return { name: 'hob', port: hob.port, pid: hob.pid, key: state.key, hob, stop };
}

/** All of them, fresh; `direct` is the upstream itself. */
export async function startAll(state, upstream) {
  const hob = await startHob(state, upstream);
  await mkdir(join(state.scratch, 'nginx'), { recursive: true });
  const nginx = await startNginx(join(state.scratch, 'nginx'), state.upstreamPort);
  const haproxy = await startHaproxy(state.scratch, state.upstreamPort);
  return { hob, nginx, haproxy, direct: { name: 'direct', port: state.upstreamPort, key: 'none' } };
}

export async function stopAll(relays) {
  await relays.nginx.stop();
  await relays.haproxy.stop();
  await relays.hob.stop();
}

/** Removes what was written; nothing runs any more. */
export async function removeAll(state) {
  for (const dir of [state.dir, state.scratch]) if (dir) await rm(dir, { recursive: true, force: true });
}
