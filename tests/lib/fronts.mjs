// nginx and haproxy in front of hob, in several lanes: each lane has a port of its own and at most one connection to hob at a
// time, kept alive and listened to. So it is known what a proxy took for a request, and what hob answered.
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { until } from './hob.mjs';
import { freePorts } from './ports.mjs';
import { takeApart } from './raw.mjs';

const WHERE = [new URL('../../.deps/bench/usr/sbin', import.meta.url).pathname, process.env.PATH, '/usr/sbin'].join(
  ':'
);

/** A port that passes everything on to hob and counts its answers. */
class Tap {
  #streams = []; // what hob has said on each connection
  #open = new Set();

  async listen(hobPort) {
    this.server = createServer({ allowHalfOpen: true }, (client) => {
      const hob = connect({ port: hobPort, host: '127.0.0.1', allowHalfOpen: true });
      const said = [];
      this.#streams.push(said);
      hob.on('data', (d) => said.push(d));
      for (const [from, to] of [
        [client, hob],
        [hob, client]
      ]) {
        this.#open.add(from);
        from.pipe(to);
        from.on('error', () => {}).on('close', () => (this.#open.delete(from), to.destroy()));
      }
    });
    await new Promise((done) => this.server.listen(0, '127.0.0.1', done));
    this.port = this.server.address().port;
  }

  /** Final answers of hob so far. */
  get answers() {
    return this.#streams.reduce((n, said) => n + takeApart(Buffer.concat(said), true).responses.length, 0);
  }

  close() {
    this.#open.forEach((s) => s.destroy());
    this.server.close();
  }
}

function nginxConfig(dir, lanes, logPort) {
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((t) => `${t}_temp_path ${dir}/${t};`).join(' ');
  const servers = lanes.map(
    ({ port, tap }, n) => `
  log_format lane${n} '${n} $upstream_addr';
  upstream hob${n} { server 127.0.0.1:${tap.port} max_fails=0; keepalive 1; }
  server {
    listen 127.0.0.1:${port};
    access_log syslog:server=127.0.0.1:${logPort},nohostname lane${n};
    location / {
      proxy_pass http://hob${n}; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
      proxy_buffering off; proxy_request_buffering off; proxy_next_upstream off;
    }
  }`
  );
  return `daemon off; pid ${dir}/pid; error_log ${dir}/error.log; worker_processes 1;
${process.getuid() === 0 ? `user ${userInfo().username};` : ''}
events { worker_connections 1024; }
http {
  ${temp}
  client_header_timeout 5s; client_body_timeout 5s; keepalive_timeout 5s; lingering_timeout 1s;
${servers.join('')}
}
`;
}

function haproxyConfig(lanes, logPort) {
  const pairs = lanes.map(
    ({ port, tap }, n) => `
frontend front${n}
  bind 127.0.0.1:${port}
  log-format "${n} %s"
  default_backend hob${n}
backend hob${n}
  server one 127.0.0.1:${tap.port}
`
  );
  return `global
  nbthread 1
  log 127.0.0.1:${logPort} format raw local0
defaults
  mode http
  log global
  retries 0
  http-reuse always
  timeout connect 5s
  timeout client 5s
  timeout server 10s
  timeout http-request 5s
  timeout http-keep-alive 5s
${pairs.join('')}`;
}

export class Front {
  #child;
  #logs = createSocket('udp4');
  log = '';

  /** name: "nginx" or "haproxy". */
  static async start(name, hobPort, n) {
    const front = new Front();
    front.name = name;
    front.dir = await mkdtemp(join(tmpdir(), `hob-${name}-`));
    const ports = await freePorts(n);
    front.lanes = ports.map((port) => ({ port, tap: new Tap(), forwarded: 0 }));
    for (const lane of front.lanes) await lane.tap.listen(hobPort);
    await front.#listenToLogs();
    await front.#run();
    return front;
  }

  async #listenToLogs() {
    this.#logs.on('message', (text) => {
      const [, n, upstream] = /(?:^|[ >])(\d+) (\S+)\s*$/.exec(text.toString()) ?? [];
      if (n !== undefined && upstream !== '-' && upstream !== '<NOSRV>') this.lanes[n].forwarded++;
    });
    await new Promise((done) => this.#logs.bind(0, '127.0.0.1', done));
  }

  async #run() {
    const logPort = this.#logs.address().port;
    const file = join(this.dir, 'config');
    if (this.name === 'nginx') {
      await mkdir(join(this.dir, 'logs'));
      await writeFile(file, nginxConfig(this.dir, this.lanes, logPort));
    } else {
      await writeFile(file, haproxyConfig(this.lanes, logPort));
    }
    const args = this.name === 'nginx' ? ['-p', this.dir, '-e', 'stderr', '-c', file] : ['-db', '-f', file];
    this.#child = spawn(this.name, args, { env: { ...process.env, PATH: WHERE }, stdio: ['ignore', 'ignore', 'pipe'] });
    const end = () => this.#child.kill('SIGKILL');
    process.on('exit', end);
    this.ended = new Promise((done) => this.#child.on('exit', done).on('error', done));
    this.#child.stderr.setEncoding('utf8').on('data', (d) => (this.log += d));
    void this.ended.then(() => process.off('exit', end));
    await until(() => this.#answers(), `${this.name} listens: ${this.log}`);
  }

  #answers() {
    if (this.#child.exitCode !== null) throw new Error(`${this.name}: ${this.log}`);
    return new Promise((done) => {
      const s = connect(this.lanes.at(-1).port, '127.0.0.1', () => (s.destroy(), done(true))).on('error', () =>
        done(false)
      );
    });
  }

  async stop() {
    this.#child.kill('SIGTERM');
    await this.ended;
    this.#logs.close();
    for (const lane of this.lanes) lane.tap.close();
    await rm(this.dir, { recursive: true, force: true });
  }
}
