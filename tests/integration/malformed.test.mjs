// Raw requests, right and wrong (lib/malformed.mjs): hob answers each as the RFC says; and behind nginx and haproxy it never
// sees another request in the bytes than they did.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Front } from '../lib/fronts.mjs';
import { Hob, until } from '../lib/hob.mjs';
import { BODY, CASES, bytesOf } from '../lib/malformed.mjs';
import { freePorts } from '../lib/ports.mjs';
import { takeApart, talk } from '../lib/raw.mjs';

const SNIFF = new URL('../lib/sniff_engine.mjs', import.meta.url).pathname;
const FOLLOWER = 'GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
const LANES = 16;

let hob, key, seenPort;
before(async () => {
  hob = await Hob.start();
  key = await hob.addKey();
  [seenPort] = await freePorts(1);
  await hob.addCommand('sniff', [process.execPath, SNIFF, '${PORT}', String(seenPort)]);
});
after(() => hob?.stop());

const seen = async () => (await fetch(`http://127.0.0.1:${seenPort}`)).json();
const nr = (i) => String(i).padStart(4, '0');
const bodyOf = (i) => BODY.replace('@NR@', nr(i));

/** Runs work(case, index, lane) for all, a few at a time; the complaints that it gives are collected. */
async function eachCase(lanes, work) {
  const complaints = [];
  let next = 0;
  const lane = async (n) => {
    while (next < CASES.length && complaints.length < 20) {
      const i = next++;
      for (const c of await work(CASES[i], i, n)) complaints.push(`${CASES[i].name} (${CASES[i].from}): ${c}`);
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, n) => lane(n)));
  return complaints;
}

/** What is wrong with hob's answers to a case and to the request that follows it. */
function judge({ want, cutsOff }, { bytes, late }) {
  const { responses, rest } = takeApart(bytes);
  const said = responses.map((r) => `${r.status}${r.headers.connection === 'close' ? '.' : ''}`);
  const wanted = want.split(' ').filter((w) => w !== '.');
  const wrong = [];
  if (!wanted.every((w, n) => w.split('|').includes(said[n])))
    wrong.push(`answered "${said.join(' ')}", not "${want}"`);
  const goesOn = !cutsOff && want !== '.' && !said[wanted.length - 1]?.endsWith('.');
  if (goesOn) wanted.push('200.');
  if (said.length !== wanted.length) wrong.push(`${said.length} answers "${said.join(' ')}", not ${wanted.length}`);
  if (late) wrong.push('the connection stays open');
  if (rest) wrong.push(`${rest} bytes behind the last answer`);
  for (const r of responses) if (!r.headers.date) wrong.push(`${r.status} without Date`);
  return wrong;
}

test(`${CASES.length} raw requests are answered as the RFC says`, async () => {
  assert.ok(CASES.length >= 250);
  const complaints = await eachCase(16, async (c, i) => {
    const bytes = Buffer.concat([bytesOf(c.bytes, key, i), Buffer.from(c.cutsOff ? '' : FOLLOWER)]);
    const got = await talk(hob.port, bytes, { half: true });
    const wrong = judge(c, got);
    const sniffed = takeApart(got.bytes).responses.filter((r) => r.headers['x-sniff'] === nr(i)).length;
    c.answered = sniffed;
    return wrong;
  });
  const all = await seen();
  CASES.forEach((c, i) => {
    const bodies = all.map(([, , body]) => body).filter((b) => b.includes(`"case":"${nr(i)}"`));
    if (bodies.length !== c.answered)
      complaints.push(`${c.name}: the engine saw ${bodies.length}, answered ${c.answered}`);
    if (bodies.some((b) => b !== bodyOf(i))) complaints.push(`${c.name}: the engine was given ${bodies}`);
    if (/^200\b/.test(c.want) && !c.want.includes('|') && c.bytes.startsWith('POST') && c.answered === 0)
      complaints.push(`${c.name}: the engine was not asked`);
  });
  assert.equal(complaints.join('\n'), '');
});

const canary = (lane, n) => {
  const body = BODY.replace('@NR@', `c${lane}x${n}`);
  return Buffer.from(
    `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`
  );
};

/** Sends a case through a lane, and a request of somebody else behind it; what is wrong. */
async function tryLane(lane, n, c, i) {
  const wrong = [];
  const answers = lane.tap.answers;
  const forwarded = lane.forwarded;
  const bytes = Buffer.concat([bytesOf(c.bytes, key, i), Buffer.from(c.cutsOff ? '' : FOLLOWER)]);
  if ((await talk(lane.port, bytes, { half: c.cutsOff })).late) wrong.push('the connection stays open');
  const next = takeApart((await talk(lane.port, canary(n, i))).bytes).responses;
  const whose = next.map((r) => `${r.status} ${r.headers['x-sniff']}`).join(', ');
  if (whose !== `200 c${n}x${i}`) wrong.push(`the next one was answered ${whose}`);
  const passed = () => lane.forwarded - forwarded;
  const answered = () => lane.tap.answers - answers;
  await until(() => passed() >= answered(), 'the log is as long', { ms: 15000 }).catch(() =>
    wrong.push(`passed on ${passed()} requests, hob answered ${answered()}`)
  );
  return wrong;
}

for (const name of ['nginx', 'haproxy']) {
  test(`behind ${name} none of them is framed differently`, async () => {
    const front = await Front.start(name, hob.port, LANES);
    try {
      const before = (await seen()).length;
      const complaints = await eachCase(LANES, (c, i, n) => tryLane(front.lanes[n], n, c, i));
      const bodies = (await seen()).slice(before).map(([, , body]) => body);
      for (const b of bodies) {
        if (!/^\{"model":"sniff","case":"(\d{4}|c\d+x\d+)"\}$/.test(b)) complaints.push(`the engine was given ${b}`);
      }
      assert.equal(complaints.join('\n'), '');
      assert.equal(bodies.filter((b) => b.includes(':"c')).length, CASES.length, 'each request behind arrived, once');
    } finally {
      await front.stop();
    }
  });
}
