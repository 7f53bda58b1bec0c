// The page as hob serves it: compressed forms, validators, policy, and that it asks nothing from anywhere else.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { Hob } from '../lib/hob.mjs';

let hob;
before(async () => {
  hob = await Hob.start({ setup: false });
});
after(() => hob?.stop());

/** GET as sent, nothing decoded. */
function get(path, headers = {}, method = 'GET') {
  return new Promise((resolve, reject) => {
    const req = http.request({ host: '127.0.0.1', port: hob.port, path, headers, method }, (res) => {
      const chunks = [];
      res.on('data', (d) => chunks.push(d));
      res.on('end', () => resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(chunks) }));
    });
    req.on('error', reject).end();
  });
}

/** The scripts and styles that index.html names. */
async function assets() {
  const { body } = await get('/');
  const found = [...body.toString().matchAll(/(?:href|src|import)[=(]\s*"([^"]+\.(?:js|css))"/g)].map((m) => m[1]);
  assert.ok(found.length > 2, 'a built page');
  return found.map((path) => path.replace(/^\.?\//, '/'));
}

test('any path of the page gives index.html, with its policy and never from a cache unasked', async () => {
  for (const path of ['/', '/chat', '/chat/0b0e7f38-0000-4000-8000-000000000000', '/servers', '/login']) {
    const { status, headers, body } = await get(path);
    assert.equal(status, 200, path);
    assert.match(headers['content-type'], /^text\/html/);
    assert.match(headers['content-security-policy'], /default-src 'self'; script-src 'self' 'sha256-/);
    assert.match(headers['content-security-policy'], /frame-ancestors 'none'/);
    assert.doesNotMatch(
      headers['content-security-policy'].split(';').find((d) => d.includes('script-src')),
      /unsafe/
    );
    assert.equal(headers['cache-control'], 'no-cache');
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.doesNotMatch(body.toString(), /(?:src|href)="https?:/);
  }
});

test('assets come compressed to who takes it, whole to who does not, and are kept for ever', async () => {
  for (const path of await assets()) {
    const plain = await get(path);
    const brotli = await get(path, { 'accept-encoding': 'gzip, br' });
    const refused = await get(path, { 'accept-encoding': 'br;q=0, gzip;q=0' });
    assert.equal(plain.status, 200, path);
    assert.equal(plain.headers['content-encoding'], undefined);
    assert.equal(refused.headers['content-encoding'], undefined);
    assert.equal(brotli.headers.vary, 'Accept-Encoding');
    if (plain.body.length > 2000) {
      assert.equal(brotli.headers['content-encoding'], 'br', path);
      assert.ok(brotli.body.length < plain.body.length);
    }
    if (path.includes('/immutable/')) assert.match(plain.headers['cache-control'], /immutable/);
  }
});

test('what a browser has already is not sent again; HEAD has no body; changes are refused', async () => {
  const { headers } = await get('/favicon.svg');
  assert.ok(headers.etag);
  const again = await get('/favicon.svg', { 'if-none-match': headers.etag });
  assert.equal(again.status, 304);
  assert.equal(again.body.length, 0);
  const head = await get('/favicon.svg', {}, 'HEAD');
  assert.equal(head.status, 200);
  assert.equal(head.body.length, 0);
  assert.ok(Number(head.headers['content-length']) > 0);
  const post = await get('/chat', {}, 'PUT');
  assert.equal(post.status, 405);
  assert.equal(post.headers.allow, 'GET, HEAD');
});

test('no path leads out of the page', async () => {
  for (const path of ['/../../etc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '/_app/../hob.db', '//etc/passwd'])
    assert.ok(!(await get(path)).body.toString().includes('root:'), path);
});

test('the page can be installed: its manifest names what it is, and its icons are there in their sizes', async () => {
  const { headers, body } = await get('/manifest.webmanifest');
  assert.equal(headers['content-type'], 'application/manifest+json');
  assert.equal(headers['cache-control'], 'no-cache');
  const manifest = JSON.parse(body);
  assert.equal(manifest.start_url, '/chat');
  assert.equal(manifest.display, 'standalone');
  const pngs = manifest.icons.filter((i) => i.type === 'image/png');
  assert.deepEqual(pngs.map((i) => `${i.sizes} ${i.purpose}`).sort(), [
    '192x192 any',
    '512x512 any',
    '512x512 maskable'
  ]);
  for (const { src, sizes } of [...pngs, { src: '/apple-touch-icon.png', sizes: '180x180' }]) {
    const icon = await get(src);
    assert.equal(icon.status, 200, src);
    assert.equal(icon.headers['content-type'], 'image/png');
    assert.equal(`${icon.body.readUInt32BE(16)}x${icon.body.readUInt32BE(20)}`, sizes, src);
    assert.ok(icon.body.length < 32768, `${src} is small`);
  }
});

test('the service worker comes from the root, as a script, is asked for anew and may be run', async () => {
  const { status, headers, body } = await get('/service-worker.js');
  assert.equal(status, 200);
  assert.match(headers['content-type'], /^text\/javascript/);
  assert.equal(headers['cache-control'], 'no-cache');
  assert.match(body.toString(), /notificationclick/);
  assert.doesNotMatch(body.toString(), /fetch|caches|^import |^export /m, 'it stands in the way of no request');
  const page = await get('/chat');
  assert.match(page.headers['content-security-policy'], /worker-src 'self'/);
  assert.doesNotMatch(page.body.toString(), /service-worker/, 'no page has one unasked');
});
