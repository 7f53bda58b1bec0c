// hob import llama-swap: realistic configurations, what becomes of them, what is said of the rest, and that hob runs the result.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Hob, PROGRAM } from '../lib/hob.mjs';

let dir,
  n = 0;
before(async () => (dir = await mkdtemp(join(tmpdir(), 'hob-import-'))));
after(() => rm(dir, { recursive: true, force: true }));

const run = (args, env = {}) =>
  new Promise((resolve) =>
    execFile(PROGRAM, args, { env: { ...process.env, ...env } }, (error, stdout, stderr) =>
      resolve({ code: error ? error.code : 0, stdout, stderr })
    )
  );

/** Imports a text; the result must be one that hob takes. Gives {yaml, notes}. */
async function imported(text, env) {
  const from = join(dir, `swap${++n}.yaml`),
    to = join(dir, `hob${n}.yaml`);
  await writeFile(from, text);
  const { code, stderr } = await run(['import', 'llama-swap', from, '-o', to], env);
  assert.equal(code, 0, stderr);
  const check = await run(['config', 'check', to]);
  assert.equal(check.code, 0, check.stderr);
  const lines = stderr.trim().split('\n');
  assert.match(lines.pop(), /start it with: hob serve --config/);
  return { yaml: (await readFile(to, 'utf8')).split('\n').slice(1).join('\n').trim(), notes: lines, to, from };
}
const said = (notes, pattern) =>
  assert.ok(
    notes.some((l) => pattern.test(l)),
    `${pattern} in\n${notes.join('\n')}`
  );

test('llama-server with macros, continuation lines, comments, ttl, aliases and filters', async () => {
  const { yaml, notes, from } = await imported(
    `
healthCheckTimeout: 500
logLevel: debug
globalTTL: 300
macros:
  llama: >
    /opt/llama.cpp/llama-server --port \${PORT} --host 127.0.0.1
  ctx: 4096
  args: "--ctx-size \${ctx} -ngl 99"
models:
  "qwen3-8b":
    cmd: |
      # the usual one
      \${llama}
      --model \${env.MODELS}/qwen3.gguf \\
      \${args} --chat-template-kwargs '{"enable_thinking": false}'
    aliases: [gpt-4o-mini, "org/\${MODEL_ID}"]
    ttl: 600
    concurrencyLimit: 2
    useModelName: qwen
    env: ["CUDA_VISIBLE_DEVICES=0,1"]
    filters:
      stripParams: "temperature, top_p,model"
      setParams:
        max_tokens: \${ctx}
        stop: ["\${MODEL_ID}"]
        n: 1
    name: Qwen
    unlisted: true
  coder:
    macros: {ctx: 16384}
    cmd: \${llama} -m /models/coder.gguf \${args}
    ttl: 0
    unlisted: false
`,
    { MODELS: '/srv/models' }
  );
  assert.equal(
    yaml,
    `log_level: debug
llama_server: /opt/llama.cpp/llama-server

servers:
  qwen3-8b:
    model_path: /srv/models/qwen3.gguf
    args: [--ctx-size, "4096", "-ngl", "99", --chat-template-kwargs, "{\\"enable_thinking\\": false}"]
    env:
      CUDA_VISIBLE_DEVICES: "0,1"
    aliases: [gpt-4o-mini, org/qwen3-8b]
    slots: 2
    idle_stop_s: 600
    rewrite:
      model: qwen
      set: {"max_tokens":4096,"stop":["qwen3-8b"],"n":1}
      strip: [temperature, top_p]
  coder:
    model_path: /models/coder.gguf
    args: [--ctx-size, "16384", "-ngl", "99"]`
  );
  assert.equal(notes.length, 3, notes.join('\n'));
  said(notes, new RegExp(`^${from}:2:1: not taken over: healthCheckTimeout: `));
  said(notes, /:\d+:5: not taken over: name of qwen3-8b: /);
  said(notes, /unlisted of qwen3-8b: hob lists every server/);
});

test('vLLM by docker, a fixed port, and what cannot be run here', async () => {
  const { yaml, notes } = await imported(`
models:
  vllm:
    proxy: "http://127.0.0.1:\${PORT}"
    cmd: |
      docker run --init --rm --name \${MODEL_ID} --gpus all
      -p 127.0.0.1:\${PORT}:8000 -v "/data/hf cache:/root/.cache" vllm/vllm-openai:latest
      --model Qwen/Qwen3-8B
    cmdStop: docker stop \${MODEL_ID}
    checkEndpoint: /health
  whisper:
    proxy: http://localhost:9233
    checkEndpoint: /v1/audio/transcriptions/
    cmd: whisper-server --host 127.0.0.1 --port 9233 -m /m/w.bin --request-path /v1/audio/transcriptions
  far:
    proxy: http://192.168.1.20:8080
    cmd: sleep infinity
  blind:
    cmd: some-engine --quiet
  broken:
    cmd: "engine --port \${PORT} 'not closed"
  typo:
    cmd: engine --port \${PORT} \${no-such-macro}
`);
  assert.equal(
    yaml,
    `servers:
  vllm:
    command: [docker, run, --init, --rm, --name, vllm, --gpus, all, "-p", "127.0.0.1:\${PORT}:8000", "-v",
      "/data/hf cache:/root/.cache", "vllm/vllm-openai:latest", --model, Qwen/Qwen3-8B]
  whisper:
    command: [whisper-server, --host, "127.0.0.1", --port, "\${PORT}", "-m", /m/w.bin, --request-path,
      /v1/audio/transcriptions]`
  );
  said(notes, /cmdStop of vllm: hob ends the process itself/);
  said(notes, /checkEndpoint of whisper/);
  said(notes, /far is left out: proxy http:\/\/192\.168\.1\.20:8080: servers run on this machine/);
  said(notes, /blind is left out: neither cmd nor proxy says where it listens/);
  said(notes, /broken is left out: cmd: a quote \('\) is not closed/);
  said(notes, /typo is left out: cmd: there is no macro \$\{no-such-macro\}/);
  assert.equal(notes.length, 6, notes.join('\n'));
});

test('groups of both styles, preloads, and sections that hob has no place for', async () => {
  const groups = `
  big: {swap: true, exclusive: true, members: [a, b]}
  small: {swap: false, exclusive: false, members: [c]}
  forever: {persistent: true, swap: false, exclusive: false, members: [d, nobody]}
`;
  const models = 'models:\n' + ['a', 'b', 'c', 'd'].map((m) => `  ${m}: {cmd: "e --port \${PORT}"}\n`).join('');
  const old = await imported(`${models}groups:${groups}hooks: {on_startup: {preload: [a, x]}}\n`);
  const now = await imported(
    `${models}routing: {router: {use: group, settings: {groups: {big: {members: [a, b]}, small: {swap: false, exclusive: false, members: [c]}, forever: {persistent: true, swap: false, exclusive: false, members: [d]}}}}}\nhooks: {on_startup: {preload: [a]}}\npeers: {x: {proxy: "http://y", models: [z]}}\napiKeys: [secret]\nwhatever: 1\n`
  );
  assert.equal(old.yaml, now.yaml);
  assert.match(old.yaml, /memory:\n {2}groups:\n {4}big: exclusive\n {4}small: together\n {4}forever: always\n/);
  assert.match(old.yaml, / {2}a:\n {4}command: \[e, --port, "\$\{PORT\}"\]\n {4}autostart: true\n {4}group: big\n/);
  said(old.notes, /the member "nobody" of the group forever is no model/);
  said(old.notes, /preload: "x" is no model/);
  said(now.notes, /peers: servers run on this machine/);
  said(now.notes, /apiKeys: make keys with: hob key add/);
  said(now.notes, /whatever: hob does not know it/);
  assert.ok(!now.notes.join().includes('secret'));
});

test('what is no such file is refused, and nothing is overwritten', async () => {
  const from = join(dir, 'bad.yaml');
  await writeFile(from, 'servers: {}\n');
  const none = await run(['import', 'llama-swap', from]);
  assert.deepEqual([none.code, none.stdout], [1, '']);
  assert.match(none.stderr, /bad\.yaml:1:1: there are no models/);
  await writeFile(from, 'models: [\n');
  assert.match((await run(['import', 'llama-swap', from])).stderr, /bad\.yaml:2:1: /);
  await writeFile(from, 'models: {a: {cmd: "e --port ${PORT}"}}\n');
  const kept = await run(['import', 'llama-swap', from, '-o', from]);
  assert.equal(kept.code, 1);
  assert.match(kept.stderr, /File exists/);
  assert.match((await run(['import', 'llama-swap', from])).stdout, /^# Made by `hob import llama-swap bad\.yaml`/);
  assert.equal((await run(['import', 'ollama', from])).code, 2);
  // Macros that double each other end, too.
  const doubling = Array.from({ length: 40 }, (_, i) => `  m${i}: "\${m${i - 1}}\${m${i - 1}}"`).join('\n');
  await writeFile(from, `macros:\n  m-1: xx\n${doubling}\nmodels: {a: {cmd: "e --port \${PORT} \${m39}"}}\n`);
  assert.match((await run(['import', 'llama-swap', from])).stderr, /a is left out: .*longer than 65536 bytes/);
});

test('the result runs: the model is preloaded, and found by its alias', async () => {
  const { to } = await imported(`
macros: {engine: "${PROGRAM} demo-engine --port \${PORT}"}
models:
  tales: {cmd: "\${engine} --load-seconds 0", aliases: [gpt-4o]}
hooks: {on_startup: {preload: [tales]}}
`);
  const hob = await Hob.start({ args: ['--config', to] });
  try {
    const key = await hob.addKey();
    const server = await hob.server('tales');
    await hob.untilState(server.id, 'ready');
    const res = await fetch(`${hob.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: 'echo hi' }] })
    });
    assert.equal(res.status, 200);
    assert.equal((await res.json()).choices[0].message.content, 'hi');
  } finally {
    await hob.stop();
  }
});
