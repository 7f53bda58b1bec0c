// Memory of GPUs: who has how much of it, who goes for whom, and drivers that give it back late or tell nonsense.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { FakeGpu, MIB, TOTAL_MIB } from '../lib/fake_gpu.mjs';
import { Fleet } from '../lib/fleet.mjs';
import { Hob, until } from '../lib/hob.mjs';
import { parseMetrics } from '../lib/prometheus.mjs';

const SIZE_MIB = 8000;

let hob, gpu;
const fleet = new Fleet();
const { ids, server, states, memory, setMemory, stop, ask } = fleet;

const budget = (mib) => setMemory({ gpu_budget_bytes: mib * MIB });

/** Running, and the GPU was read since then. */
async function start(name) {
  await hob.startServer(ids[name]);
  await until(async () => (await server(name)).engine.gpu_bytes === SIZE_MIB * MIB, `${name} is on the GPU`);
}

/** Servers `a` and `b`, measured on the GPU; `c` uses none. */
before(async () => {
  gpu = await FakeGpu.make();
  hob = await Hob.start({ env: gpu.env });
  fleet.use(hob, await hob.addKey());
  for (const name of ['a', 'b', 'c']) {
    const speed = name === 'a' ? '50' : '0';
    ids[name] = (await hob.addDemo(name, ['--tokens-per-second', speed])).id;
  }
  for (const name of ['a', 'b']) {
    await gpu.give(ids[name], SIZE_MIB);
    await start(name);
  }
  await hob.startServer(ids.c);
  await until(async () => (await server('c')).engine.gpu_bytes === 0, 'c is seen to use no GPU');
});
after(async () => {
  await hob?.stop();
  await gpu?.remove();
});

beforeEach(async () => {
  await gpu.behave('well');
  await gpu.others(0);
  await setMemory({ gpu_budget_bytes: null, turn_s: 1 });
  await stop('a', 'b');
});

test('shows what each engine has on GPUs, and what there is', async () => {
  await start('a');
  const a = await server('a');
  assert.equal(a.memory.gpu_used_bytes, SIZE_MIB * MIB);
  assert.deepEqual([a.memory.gpu_bytes, a.memory.source], [SIZE_MIB * MIB, 'measured']);
  const c = await server('c');
  assert.deepEqual([c.engine.gpu_bytes, c.memory.gpu_bytes, c.memory.gpu_used_bytes], [0, null, null]);
  const { gpu: told } = await memory();
  assert.equal(told.total_bytes, TOTAL_MIB * MIB);
  assert.equal(told.available_bytes, (TOTAL_MIB - SIZE_MIB) * MIB);
  assert.equal(told.used_bytes, SIZE_MIB * MIB);
  assert.ok(told.is_automatic && told.budget_bytes < told.total_bytes);
  assert.deepEqual(told.devices, [
    { name: 'NVIDIA GeForce RTX 4090', total_bytes: TOTAL_MIB * MIB, used_bytes: SIZE_MIB * MIB }
  ]);
  const metrics = parseMetrics(await (await hob.request('/metrics')).text());
  const gauge = metrics.hob_engine_gpu_memory_bytes.samples.find((s) => s.labels.server === 'a');
  assert.equal(gauge.value, SIZE_MIB * MIB);
});

test('under a budget the idle one goes for the next, and the server that uses no GPU stays', async () => {
  await budget(1.5 * SIZE_MIB);
  await start('a');
  await start('b');
  assert.equal(await states('a', 'b', 'c'), 'stopped ready ready');
  assert.match(hob.log, /engine a: is stopped to make room for b/);
  const { gpu: told } = await memory();
  assert.deepEqual([told.is_automatic, told.budget_bytes], [false, 1.5 * SIZE_MIB * MIB]);
});

test('a budget that is made smaller holds at once', async () => {
  await start('a');
  await start('b');
  await budget(1.5 * SIZE_MIB);
  await hob.untilState(ids.a, 'stopped');
  assert.equal(await states('a', 'b', 'c'), 'stopped ready ready');
});

test('who needs what a busy one has waits, and hears for whom', async () => {
  await budget(1.5 * SIZE_MIB);
  await start('a');
  const long = ask('a', 'long 100');
  await until(async () => (await server('a')).engine.active === 1, 'a answers');
  const other = ask('b');
  const waiting = await until(async () => (await server('b')).memory.reason && server('b'), 'b waits');
  assert.deepEqual(waiting.memory.waiting_for, ['a']);
  assert.ok((await long).text.length > 200);
  assert.equal((await other).text, 'hello');
});

test('without a budget the limit is what others leave', async () => {
  await start('a');
  await start('b'); // both fit
  await stop('b');
  await gpu.others(TOTAL_MIB - 1.5 * SIZE_MIB);
  await until(async () => (await memory()).gpu.available_bytes < SIZE_MIB * MIB, 'the GPU is read again');
  await start('b');
  assert.equal(await states('a', 'b'), 'stopped ready');
});

test('the next load begins when the driver has given the memory back, not when the process has gone', async () => {
  await gpu.others(TOTAL_MIB - 1.5 * SIZE_MIB);
  await start('a');
  await gpu.keep(ids.a);
  await hob.post(`/api/servers/${ids.b}/start`);
  await hob.untilState(ids.a, 'stopped');
  const before = await gpu.runs();
  await until(async () => (await gpu.runs()) >= before + 4, 'it is looked at again');
  const b = await server('b');
  assert.equal(b.engine.state, 'stopped');
  assert.equal(b.memory.reason, 'waiting for memory, the GPU has not given back what the last one had');
  await gpu.giveBack(ids.a);
  await hob.untilState(ids.b, 'ready');
});

test('what never fits into the budget is refused, with both numbers', async () => {
  await budget(SIZE_MIB / 2);
  const res = await hob.post(`/api/servers/${ids.a}/start`);
  assert.equal(res.status, 409);
  const { error } = await res.json();
  assert.equal(error.code, 'out_of_memory');
  assert.match(error.message, /a needs 8\.4 GB of GPU memory, and 4\.2 GB are there/);
});

test('nonsense from nvidia-smi harms nothing: the GPU is not known, and all goes on', async () => {
  await start('a');
  await gpu.behave('garbage');
  await ask('b');
  await until(async () => (await memory()).gpu === null, 'the GPU is not known any more');
  assert.equal((await server('a')).engine.gpu_bytes, null);
  assert.equal(await states('a', 'b'), 'ready ready');
});

test('an nvidia-smi that hangs holds a start up for a while only, and no end of hob', async () => {
  await gpu.behave('hang');
  await hob.terminate();
  await hob.run({ env: gpu.env });
  await hob.post(`/api/servers/${ids.a}/start`);
  assert.equal((await memory()).gpu, null);
  await hob.untilState(ids.a, 'ready');
  assert.equal((await server('a')).engine.gpu_bytes, null);
  await hob.terminate();
  await hob.run({ env: gpu.env });
});
