// Raw requests, right and wrong, and what RFC 9112 and 9110 ask of who gets them. Each case: {name, from, bytes, want, body}.
//   from   the paragraph (of RFC 9112 where no other is named), or where the trick was found
//   want   the final statuses in order; "200|400." is a choice that the RFC leaves; a point: it ends the connection, and
//          nothing behind it may be answered
//   body   what the engine has to get for every 200 of a POST
// BODY stands for one model's request; @KEY@ and @NR@ in it and in headers are filled in by `bytesOf`.
import {
  BODY,
  N,
  HEX,
  REFUSED,
  HOST,
  TE,
  CL,
  CHUNKS,
  get,
  KEY,
  start,
  post,
  chunked,
  CASES,
  add,
  each
} from './malformed_case.mjs';
import './malformed_framing.mjs';

export { BODY, CASES } from './malformed_case.mjs';

// ---- what must be taken ----

add('2.2, 3', [
  ['GET', get(), '200'],
  ['an empty line before', `\r\n${get()}`, '200'],
  ['two empty lines before', `\r\n\r\n${get()}`, '200|400.'],
  ['an empty line after a body', post(CL) + '\r\n' + get(), '200 200'],
  ['three in a row', post(CL) + get() + post(TE, CHUNKS), '200 200 200'],
  ['ten in a row', get().repeat(10), Array(10).fill('200').join(' ')],
  ['HTTP/1.0', 'GET /health HTTP/1.0\r\n\r\n', '200.|421.'],
  ['HTTP/1.0 with Host', get('', 'GET /health HTTP/1.0'), '200.'],
  ['HTTP/1.0 kept alive', get('Connection: keep-alive\r\n', 'GET /health HTTP/1.0'), '200'],
  ['HTTP/1.0 with a length', post(CL, BODY, '1.0'), '200.'],
  ['HTTP/1.2 is 1.1', post(CL, BODY, '1.2'), '200'],
  ['HTTP/1.9 is 1.1', post(TE, CHUNKS, '1.9'), '200'],
  ['HEAD has no body', get('', 'HEAD /health HTTP/1.1'), '200'],
  ['a line of 8,000 octets', get('', `GET /health?${'a'.repeat(7900)} HTTP/1.1`), '200'],
  ['percent-encoded', get('', 'GET /health?%00%0d%0a%20 HTTP/1.1'), '200'],
  ['a path nobody has', get('', 'GET /api/x HTTP/1.1'), '404']
]);

add('3.2', [
  ['absolute form', get('', 'GET http://localhost/health HTTP/1.1'), '200'],
  ['absolute form with a port', get('', 'GET http://localhost:80/health HTTP/1.1'), '200'],
  ['absolute form with a query', get('', 'GET http://localhost/health?a=b HTTP/1.1'), '200'],
  ['absolute form in capitals', get('', 'GET HTTP://LOCALHOST/health HTTP/1.1'), '200'],
  ['absolute form rules over Host', 'GET http://localhost/health HTTP/1.1\r\nHost: evil.example\r\n\r\n', '200'],
  ['absolute form of others', get('', 'GET http://evil.example/health HTTP/1.1'), '421'],
  ['asterisk form', get('', 'OPTIONS * HTTP/1.1'), '200|204|404|405'],
  ['an unknown method', get('', 'BREW /health HTTP/1.1'), '501|405'],
  ['a method in lower case', get('', 'get /health HTTP/1.1'), '501|405'],
  ['a method of odd characters', get('', "!#$%&'*+-.^_`|~ /health HTTP/1.1"), '501|405'],
  ['a long method', get('', `${'A'.repeat(300)} /health HTTP/1.1`), '501|405|400.|414.']
]);

add('5, 5.1', [
  ['no blank after the colon', post(`Content-Length:${N}\r\n`), '200'],
  ['blanks around a value', post(`Content-Length:   ${N}  \r\n`), '200'],
  ['tabs around a value', get('X-A:\ta\t\r\n'), '200'],
  ['empty values', get('X-A:\r\nX-B: \r\n'), '200'],
  ['a colon in a value', get('X-A: b: c\r\n'), '200'],
  ['a colon first', get('X-A::\r\n'), '200'],
  ['bytes over 127 in a value (9110 5.5)', get('X-A: caf\xc3\xa9\xff\r\n'), '200'],
  ['a tab inside a value', get('X-A: a\tb\r\n'), '200'],
  ['a name of odd characters', get("!#$%&'*+-.^_`|~9: 1\r\n"), '200'],
  ['names in capitals', post(`CONTENT-LENGTH: ${N}\r\n`), '200'],
  ['a name twice', get('X-A: 1\r\nX-A: 2\r\n'), '200'],
  ['98 header lines', get('X: 1\r\n'.repeat(97)), '200'],
  ['a value of 8,000 octets', get(`X-A: ${'a'.repeat(8000)}\r\n`), '200|431.']
]);

add('7.1', [
  ['chunked', chunked(CHUNKS), '200'],
  ['chunked in capitals', post('TRANSFER-ENCODING: CHUNKED\r\n', CHUNKS), '200'],
  ['chunked with blanks around', post('Transfer-Encoding:  chunked \r\n', CHUNKS), '200'],
  ['a size with zeros before', chunked(`000${HEX}\r\n${BODY}\r\n0\r\n\r\n`), '200'],
  ['a size in capitals', chunked(`${HEX.toUpperCase()}\r\n${BODY}\r\n0\r\n\r\n`), '200'],
  ['zeros for the last chunk', chunked(`${HEX}\r\n${BODY}\r\n0000\r\n\r\n`), '200'],
  [
    'a byte a chunk',
    chunked(
      BODY.match(/@NR@|./g)
        .map((c) => `${c.length}\r\n${c}\r\n`)
        .join('') + '0\r\n\r\n'
    ),
    '200'
  ],
  ['an extension', chunked(`${HEX};a=b\r\n${BODY}\r\n0\r\n\r\n`), '200'],
  ['an extension without a value', chunked(`${HEX};a\r\n${BODY}\r\n0;b\r\n\r\n`), '200'],
  ['several extensions, one quoted', chunked(`${HEX};a=b;c="d e;\\"f"\r\n${BODY}\r\n0\r\n\r\n`), '200'],
  ['a line end quoted in an extension', chunked(`${HEX};a="\r\n${BODY}\r\n0\r\n\r\n`), '200|400.'],
  ['DEL quoted in an extension', chunked(`${HEX};a="\x7f"\r\n${BODY}\r\n0\r\n\r\n`), '200|400.'],
  ['blanks in an extension (9110 5.6.3)', chunked(`${HEX} ; a = b\r\n${BODY}\r\n0\r\n\r\n`), '200|400.'],
  ['trailers', chunked(`${HEX}\r\n${BODY}\r\n0\r\nX-Sum: 1\r\nX-B: 2\r\n\r\n`), '200'],
  ['a trailer that would be a credential', chunked(`${HEX}\r\n${BODY}\r\n0\r\nAuthorization: x\r\n\r\n`), '200|400.'],
  ['a trailer that would be a Host', chunked(`${HEX}\r\n${BODY}\r\n0\r\nHost: evil\r\n\r\n`), '200|400.'],
  ['TE and Trailer fields', post(`TE: trailers\r\nTrailer: X-Sum\r\n${TE}`, CHUNKS), '200'],
  ['GET with a chunked body', get(TE) + CHUNKS, '200'],
  ['GET with a length', get(CL) + BODY, '200'],
  ['GET with length 0', get('Content-Length: 0\r\n'), '200'],
  ['a length with zeros before', post(`Content-Length: 000${N}\r\n`), '200|400.']
]);

add('9.3, 9.6, 9110 7.8, 10.1.1', [
  ['Connection: close', get('Connection: close\r\n'), '200.'],
  ['Connection: CLOSE in a list', get('Connection: x, CLOSE\r\n'), '200.'],
  ['Connection: close in a second line', get('Connection: x\r\nConnection: close\r\n'), '200.'],
  ['Connection names a field', get('Connection: X-A\r\nX-A: 1\r\n'), '200'],
  ['Connection names Host', get('Connection: Host\r\n'), '200'],
  ['Connection names the length', post(`Connection: Content-Length\r\n${CL}`), '200'],
  ['Connection names the key', post(`Connection: Authorization\r\n${CL}`), '200'],
  ['Connection of commas', get('Connection: ,,,\r\n'), '200'],
  ['Keep-Alive', get('Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n'), '200'],
  ['an upgrade to a web socket', get('Connection: upgrade\r\nUpgrade: websocket\r\n'), '200'],
  ['an upgrade to h2c', get('Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n'), '200'],
  ['an upgrade with a body', post(`Connection: upgrade\r\nUpgrade: h2c\r\n${CL}`), '200'],
  ['an upgrade with a chunked body', post(`Connection: upgrade\r\nUpgrade: h2c\r\n${TE}`, CHUNKS), '200'],
  ['an upgrade to TLS', get('Connection: upgrade\r\nUpgrade: TLS/1.0\r\n'), '200'],
  ['100-continue', post(`Expect: 100-continue\r\n${CL}`), '200'],
  ['100-continue in capitals', post(`Expect: 100-CONTINUE\r\n${TE}`, CHUNKS), '200'],
  ['100-continue without a body', get('Expect: 100-continue\r\n'), '200'],
  ['100-continue from HTTP/1.0', post(`Expect: 100-continue\r\n${CL}`, BODY, '1.0'), '200.']
]);

// ---- request line ----

each('3, 2.3', 'version', ['HTTP/2.0', 'HTTP/0.9', 'HTTP/3.0', 'HTTP/9.9'], (v) => get('', `GET /health ${v}`), '505.');
each(
  '2.3',
  'version',
  ['HTTP/1.10', 'HTTP/01.1', 'HTTP/1.', 'HTTP/1', 'HTTP/.1', 'HTTP/', 'HTTP/1.1.1', 'HTTP/1,1', 'HTTP/1.1;', 'HTTP/x.1']
    .concat(['HTTP/1. 1', 'HTTP /1.1', 'HTTP/ 1.1', 'http/1.1', 'HTTp/1.1', 'HTTP\\1.1', 'HTTPS/1.1', 'ICE/1.0'])
    .concat([
      'RTSP/1.0',
      'HTTP/+1.1',
      'HTTP/-1.1',
      'HTTP/1.1\t',
      'HTTP/1.1 ',
      'HTTP/1.1 x',
      'HTTP/1.\x001',
      'HTTP/\xb9.1'
    ]),
  (v) => get('', `GET /health ${v}`)
);
each(
  '3',
  'request line',
  ['GET  /health HTTP/1.1', 'GET /health  HTTP/1.1', 'GET\t/health\tHTTP/1.1', ' GET /health HTTP/1.1']
    .concat(['\tGET /health HTTP/1.1', 'GET\x0b/health HTTP/1.1', 'GET /health\x0cHTTP/1.1', 'GET\xa0/health HTTP/1.1'])
    .concat(['GET', 'GET ', 'GET /health', 'GET HTTP/1.1', '/health HTTP/1.1', 'GET /hea lth HTTP/1.1', ' ', 'x'])
    .concat(['HTTP/1.1 200 OK', 'GET: /health HTTP/1.1', '"GET" /health HTTP/1.1', 'G(T /health HTTP/1.1'])
    .concat([
      'GE\x00T /health HTTP/1.1',
      'G\xc3\x89T /health HTTP/1.1',
      'GE\x7fT /health HTTP/1.1',
      '\xef\xbb\xbfGET / HTTP/1.1'
    ]),
  (line) => get('', line)
);
each(
  '3.2',
  'target',
  ['health', '?a', '#a', '/health#a', '*', '*x', '/\x00', '/a\x00b', '/\x01', '/\x7f', '/\xe9', '/\xc3\xa9', '\\health']
    .concat(['localhost:80', 'http://', 'http:///health', 'http:/health', 'http:health', 'http://?a', 'http://a b/'])
    .concat(['http://u@localhost/', 'http://u:p@localhost/', 'http://localhost:x/', 'http://localhost:99999999/'])
    .concat(['http://[::1/', 'http://[]/', 'http://:80/', 'ftp://localhost/', 'file:///etc/passwd', 'javascript:1']),
  (t) => get('', `GET ${t} HTTP/1.1`)
);
add('3.2.3, 9110 9.3.6', [
  ['CONNECT', 'CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n', '501.|405|400.'],
  ['CONNECT with a path', get('', 'CONNECT /health HTTP/1.1'), '501.|405|400.'],
  ['CONNECT with a body', `CONNECT a:1 HTTP/1.1\r\n${HOST}${CL}\r\n${BODY}`, '501.|405|400.'],
  ['OPTIONS *x', get('', 'OPTIONS *x HTTP/1.1'), REFUSED]
]);
add('HTTP/0.9, other protocols', [
  ['HTTP/0.9', 'GET /health\r\n', '400.|505.'],
  ['HTTP/0.9 and a field', `GET /health\r\n${HOST}\r\n`, '400.|505.'],
  ['HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '505.|400.'],
  ['TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', REFUSED],
  ['SSH', 'SSH-2.0-OpenSSH_9.2\r\n\r\n', REFUSED],
  ['SMTP', 'EHLO x\r\nMAIL FROM:<a@b>\r\n\r\n', REFUSED],
  ['PROXY protocol, version 1', `PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n${get()}`, REFUSED],
  ['PROXY protocol, version 2', `\r\n\r\n\x00\r\nQUIT\n!\x11\x00\x0c${'\x01'.repeat(12)}${get()}`, REFUSED],
  ['FastCGI', '\x01\x01\x00\x01\x00\x08\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\r\n', REFUSED],
  ['a redis command', '*1\r\n$4\r\nPING\r\n\r\n', REFUSED],
  ['an answer for a request', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', REFUSED],
  ['many empty lines', '\r\n'.repeat(50) + get(), REFUSED],
  ['a bare LF before', `\n${get()}`, '200|400.'],
  ['a bare CR before', `\r${get()}`, REFUSED]
]);

// ---- lines ----

add('2.2', [
  ['bare LF everywhere', `GET /health HTTP/1.1\nHost: localhost\n\n`, '200|400.'],
  ['bare LF after the request line', `GET /health HTTP/1.1\nHost: localhost\r\n\r\n`, '200|400.'],
  ['bare LF after a field', get('X-A: 1\n'), '200|400.'],
  ['bare LF at the end', `GET /health HTTP/1.1\r\n${HOST}\n`, '200|400.'],
  ['LF CR', get('X-A: 1\n\r'), REFUSED],
  ['CR CR LF', get('X-A: 1\r\r\n'), REFUSED],
  ['CR CR LF at the end', `GET /health HTTP/1.1\r\n${HOST}\r\r\n`, REFUSED],
  ['bare CR in a value', post(`X-A: 1\rX-B: 2\r\n${CL}`), '200|400.'],
  ['bare CR for a line end (CVE-2023-30589)', post(`X-A: 1\r${TE}`, CHUNKS), REFUSED],
  ['bare CR before a length', post(`X-A: 1\r${CL}`), REFUSED],
  ['bare CR at the end', `GET /health HTTP/1.1\r\n${HOST}\rX`, REFUSED],
  ['bare CR in the request line', get('', 'GET /health\r HTTP/1.1'), REFUSED],
  ['bare CR in a target', get('', 'GET /he\ralth HTTP/1.1'), REFUSED],
  ['bare CR in a name', get('X-\rA: 1\r\n'), REFUSED],
  ['bare LF hides a length', post(`X-A: 1\nContent-Length: 0\r\n${CL}`), '200|400.'],
  ['bare LF hides chunked', post(`X-A: 1\n${TE}${CL}`), REFUSED],
  ['vertical tab for a line end', get('X-A: 1\x0bX-B: 2\r\n'), REFUSED],
  ['NEL for a line end', get('X-A: 1\x85X-B: 2\r\n'), '200|400.']
]);
add('5.2, 2.2', [
  ['a folded line', post(`X-A: 1\r\n folded\r\n${CL}`), '200|400.'],
  ['folded by a tab', get('X-A: 1\r\n\tfolded\r\n'), '200|400.'],
  ['folded before its value', get('X-A:\r\n 1\r\n'), '200|400.'],
  ['folded length', post(`Content-Length:\r\n ${N}\r\n`), '200|400.'],
  ['length folded into another', post(`X-A: 1\r\n ${CL}${CL}`), '200|400.'],
  ['folded Transfer-Encoding', post('Transfer-Encoding:\r\n chunked\r\n', CHUNKS), '200|400.'],
  ['folded Transfer-Encoding and length', post(`Transfer-Encoding:\r\n chunked\r\n${CL}`), REFUSED],
  ['folded twice', get('X-A: 1\r\n a\r\n b\r\n'), '200|400.'],
  ['a blank before the first field', `GET /health HTTP/1.1\r\n ${HOST}\r\n`, REFUSED],
  ['a blank before a length', `${start()} Content-Length: 0\r\n${HOST}${KEY}${CL}\r\n${BODY}`, '200|400.'],
  ['a line of blanks', get('  \r\n'), '200|400.'],
  ['a line of blanks for the end', `GET /health HTTP/1.1\r\n${HOST} \r\n`, REFUSED]
]);

// ---- fields ----

each('5.1', 'blank before the colon', [' ', '\t', '  ', ' \t', '\x0b', '\x0c'], (c) => get(`X-A${c}: 1\r\n`));
each(
  '9110 5.6.2',
  'name with',
  [...'()<>@,;\\"/[]?={}', ' ', '\t', '\x00', '\x01', '\x1f', '\x7f', '\x80', '\xc3\xa9', '\xff'],
  (c) => get(`X${c}A: 1\r\n`)
);
each(
  '9110 5.5',
  'value with',
  [...'\x00\x01\x08\x0b\x0c\x0e\x1b\x1f\x7f'],
  (c) => post(`X-A: a${c}b\r\n${CL}`),
  '200|400.'
);
add('5', [
  ['no colon', get('X-A\r\n'), REFUSED],
  ['no colon, last', get('X-A'), REFUSED],
  ['an empty name (CVE-2023-25725)', get(': 1\r\n'), REFUSED],
  ['an empty name before a length', post(`: 1\r\n${CL}`), REFUSED],
  ['a colon alone', get(':\r\n'), REFUSED],
  ['a request line as a field', get('GET /evil HTTP/1.1\r\n'), REFUSED],
  ['an emoji', get('\xf0\x9f\x98\x80: 1\r\n'), REFUSED],
  ['a name of 270 bytes (CVE-2021-40346)', post(`Content-Length0${'a'.repeat(255)}:\r\n${CL}`), '200'],
  ['a name of 256 bytes', get(`${'a'.repeat(256)}: 1\r\n`), '200'],
  ['a name of 70,000 bytes', get(`${'a'.repeat(70000)}: 1\r\n`), '431.|400.'],
  ['a value of 100 KB', get(`X-A: ${'a'.repeat(100000)}\r\n`), '431.|400.'],
  ['10,000 fields', get('X: 1\r\n'.repeat(10000)), '431.|400.'],
  ['a line of 40 KB', get('', `GET /${'a'.repeat(40000)} HTTP/1.1`), '414.|400.'],
  ['a method of 40 KB', get('', `${'A'.repeat(40000)} / HTTP/1.1`), '414.|400.|501.']
]);

// ---- Host ----

add('3.2', [
  ['no Host', `GET /health HTTP/1.1\r\n\r\n`, REFUSED],
  ['no Host, with a body', `${start()}${KEY}${CL}\r\n${BODY}`, REFUSED],
  ['no Host, absolute form', 'GET http://localhost/health HTTP/1.1\r\n\r\n', REFUSED],
  ['an empty Host', 'GET /health HTTP/1.1\r\nHost:\r\n\r\n', '200|421|400.'],
  ['two Hosts', get('Host: evil\r\n'), REFUSED],
  ['two same Hosts', get(HOST), REFUSED],
  ['two Hosts, one empty', get('Host:\r\n'), REFUSED],
  ['two Hosts, HTTP/1.0', get('Host: evil\r\n', 'GET /health HTTP/1.0'), REFUSED],
  ['two Hosts, other case', get('hOST: evil\r\n'), REFUSED],
  ['Host and a blank before the colon', get('Host : evil\r\n'), REFUSED],
  ['another Host', 'GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n', '421']
]);
each(
  '3.2, 9110 7.2',
  'Host',
  [
    'a/b',
    'a@b',
    'a, b',
    'a b',
    'a\tb',
    'localhost:x',
    ':80',
    '[::1',
    '[::1]x',
    '[]',
    '[:::g]',
    'localhost:80:80',
    'a?b',
    'a#b'
  ].concat([
    'a\\b',
    '"localhost"',
    '<a>',
    'a|b',
    'a^b',
    'a{b}',
    'caf\xe9',
    'localhost:-1',
    'localhost:+80',
    'http://localhost'
  ]),
  (h) => `GET /health HTTP/1.1\r\nHost: ${h}\r\n\r\n`
);

// ---- expectations, several in one, ends ----

each(
  '9110 10.1.1; "0.CL" with Expect',
  'Expect',
  ['200-ok', '100-continue, x', 'y 100-continue', '100-continuex', '100', '"100-continue"', 'x=100-continue'],
  (e) => post(`Expect: ${e}\r\n${CL}`),
  '200|417.'
);
add('9110 10.1.1', [
  ['Expect twice', post(`Expect: 100-continue\r\nExpect: 100-continue\r\n${CL}`), '200|417.'],
  ['Expect folded', post(`Expect:\r\n 100-continue\r\n${CL}`), '200|400.'],
  ['Expect after a bare LF', post(`Expect:\n100-continue\r\n${CL}`), REFUSED],
  ['100-continue and 40 MB', post('Expect: 100-continue\r\nContent-Length: 41943040\r\n', ''), '413.|400.'],
  ['100-continue and both lengths', post(`Expect: 100-continue\r\n${TE}${CL}`, CHUNKS), '200|400.']
]);
add('9.3.2', [
  ['good, then bad', get() + get('X-A : 1\r\n'), '200 400.'],
  ['good, then garbage', get() + 'garbage\r\n\r\n', '200 400.'],
  ['good, then the HTTP/2 preface', get() + 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '200 505.|400.'],
  ['a POST, then bad', post(CL) + get('X-A : 1\r\n'), '200 400.'],
  ['a chunked POST, then bad', chunked(CHUNKS) + get('X-A : 1\r\n'), '200 400.'],
  ['a byte too many', post(CL, `${BODY}x`) + get(), '200 200|405|501'],
  ['close, then more', get('Connection: close\r\n') + get(), '200.'],
  ['refused, then more', get('X-A : 1\r\n') + get() + get(), REFUSED],
  ['404, then more', get('', 'GET /api/x HTTP/1.1') + get(), '404 200'],
  ['405 with a body, then more', get(CL, 'PUT /health HTTP/1.1') + BODY + get(), '405 200'],
  ['401 with a body, then more', post(CL).replace('@KEY@', 'sk-no') + get(), '401 200'],
  ['401 with a chunked body, then more', chunked(CHUNKS).replace('@KEY@', 'sk-no') + get(), '401 200'],
  ['421 with a body, then more', post(CL).replace('localhost', 'evil') + get(), '421 200']
]);
add('8', [
  ['nothing', '', '.'],
  ['ends in the request line', 'GET /hea', REFUSED],
  ['ends after the request line', 'GET /health HTTP/1.1\r\n', REFUSED],
  ['ends in a field', 'GET /health HTTP/1.1\r\nHo', REFUSED],
  ['ends in a body', post(CL, '{'), REFUSED],
  ['ends before a body', post(CL, ''), REFUSED],
  ['ends in a chunk', chunked(`${HEX}\r\n{`), REFUSED],
  ['ends in a chunk size', chunked(`${HEX}`), REFUSED],
  ['ends in a trailer', chunked(`${HEX}\r\n${BODY}\r\n0\r\nX-`), REFUSED]
]);

/** Those that end too early: nothing may be sent behind them. */
for (const c of CASES)
  c.cutsOff = c.from === '8' || /^too few|announced|^100-continue and 40 MB$|no last chunk/.test(c.name);

/** What goes over the wire: @KEY@ is the client's key, @NR@ the case's number. */
export function bytesOf(text, key, nr) {
  return Buffer.from(text.replaceAll('@KEY@', key).replaceAll('@NR@', String(nr).padStart(4, '0')), 'latin1');
}
