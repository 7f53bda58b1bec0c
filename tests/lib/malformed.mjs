// Raw requests, right and wrong, and what RFC 9112 and 9110 ask of who gets them. Each case: {name, from, bytes, want, body}.
//   from   the paragraph (of RFC 9112 where no other is named), or where the trick was found
//   want   the final statuses in order; "200|400." is a choice that the RFC leaves; a point: it ends the connection, and
//          nothing behind it may be answered
//   body   what the engine has to get for every 200 of a POST
// BODY stands for one model's request; @KEY@ and @NR@ in it and in headers are filled in by `bytesOf`.

export const BODY = '{"model":"sniff","case":"@NR@"}'; // as long when filled in: four digits
const N = BODY.length;
const HEX = N.toString(16);
const REFUSED = '400.';

const HOST = 'Host: localhost\r\n';
const TE = 'Transfer-Encoding: chunked\r\n';
const CL = `Content-Length: ${N}\r\n`;
const CHUNKS = `${HEX}\r\n${BODY}\r\n0\r\n\r\n`;

/** A GET with this header; `line` for another request line. */
const get = (head = '', line = 'GET /health HTTP/1.1') => `${line}\r\n${HOST}${head}\r\n`;
const KEY = 'Authorization: Bearer @KEY@\r\nContent-Type: application/json\r\n';
const start = (version = '1.1') => `POST /v1/chat/completions HTTP/${version}\r\n`;
/** A POST that a model's server takes, framed by `head`. */
const post = (head, body = BODY, version = '1.1') => `${start(version)}${HOST}${KEY}${head}\r\n${body}`;
const chunked = (body) => post(TE, body);
const shown = (text) => JSON.stringify(text).slice(1, -1);

/** @type {{name: string, from: string, bytes: string, want: string}[]} */
export const CASES = [];

/** @param {string} from @param {[string, string, string][]} cases */
function add(from, cases) {
  for (const [name, bytes, want] of cases) CASES.push({ name, from, bytes, want });
}

/** The same request with each of these in it, all with one end. */
function each(from, what, values, request, want = REFUSED) {
  add(
    from,
    values.map((v) => [`${what} ${shown(v)}`, request(v), want])
  );
}

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

// ---- Content-Length ----

each(
  '6.2, 6.3, 9110 8.6',
  'length',
  [
    `+${N}`,
    `-${N}`,
    '-0',
    '-1',
    `0x${HEX}`,
    `${N}.0`,
    `${N}e0`,
    `0${N}x`,
    `${N}x`,
    `x${N}`,
    `${N} x`,
    `1 ${N}`,
    `"${N}"`
  ]
    .concat([
      `${N};a`,
      `3_1`,
      `\x0b${N}`,
      `\x0c${N}`,
      `${N}\x0b`,
      `${N}\x00`,
      `\xa0${N}`,
      `\xd9\xa3\xd9\xa1`,
      '',
      ' ',
      '\t',
      ','
    ])
    .concat([
      `${N},`,
      `,${N}`,
      `${N}, `,
      `${N},5`,
      `5, ${N}`,
      `0, ${N}`,
      `${N} ${N}`,
      `${N};${N}`,
      'NaN',
      'chunked',
      '1k'
    ])
    .concat([
      '18446744073709551616',
      '18446744073709551647',
      '9223372036854775808',
      '99999999999999999999999',
      '1'.repeat(400)
    ]),
  (l) => post(`Content-Length: ${l}\r\n`)
);
add('6.3, 9110 8.6', [
  ['lengths that agree', post(CL + CL), '200|400.'],
  ['a list of lengths that agree', post(`Content-Length: ${N}, ${N}\r\n`), '200|400.'],
  ['lengths that differ', post(`${CL}Content-Length: 5\r\n`), REFUSED],
  ['lengths that differ, 0 first', post(`Content-Length: 0\r\n${CL}`), REFUSED],
  ['lengths that differ, 0 last', post(`${CL}Content-Length: 0\r\n`), REFUSED],
  ['lengths that differ in case', post(`${CL}content-length: 5\r\n`), REFUSED],
  ['a second, empty length (CVE-2023-40225)', post(`${CL}Content-Length:\r\n`), REFUSED],
  ['a first, empty length', post(`Content-Length:\r\n${CL}`), REFUSED],
  ['a tab behind a length', post(`Content-Length: ${N}\t\r\n`), '200|400.'],
  ['a blank before the colon', post(`Content-Length : ${N}\r\n`), REFUSED],
  ['a tab before the colon', post(`Content-Length\t: ${N}\r\n`), REFUSED],
  ['a NUL before the colon', post(`Content-Length\x00: 5\r\n${CL}`), REFUSED],
  ['a length in a name', post(`X\r\nContent-Length: 5\r\n${CL}`), REFUSED],
  ['a length with an underscore', post(`Content_Length: 5\r\n${CL}`), '200'],
  ['a length with a dash less', post(`ContentLength: 5\r\n${CL}`), '200'],
  ['too few bytes', post(`Content-Length: ${N + 500}\r\n`), REFUSED],
  ['40 MB announced', post('Content-Length: 41943040\r\n', ''), '413.|400.'],
  ['an announced terabyte', post('Content-Length: 1099511627776\r\n'), '413.|400.'],
  ['no length, no body', `${start()}${HOST}${KEY}\r\n`, '400|411'],
  ['a body without a length', `${start()}${HOST}${KEY}\r\n${BODY}\r\n\r\n`, '400|411 400.'],
  [
    'a request in a GET body',
    get(`Content-Length: ${get('', 'GET /x HTTP/1.1').length}\r\n`) + get('', 'GET /x HTTP/1.1'),
    '200'
  ]
]);

// ---- Transfer-Encoding ----

add('6.1, 6.3', [
  ['length and chunked', post(CL + TE, CHUNKS), '200|400.'],
  ['chunked and length', post(TE + CL, CHUNKS), '200|400.'],
  ['chunked and length 0', post(`${TE}Content-Length: 0\r\n`, CHUNKS), '200|400.'],
  ['chunked and a length of all', post(`${TE}Content-Length: ${CHUNKS.length}\r\n`, CHUNKS), '200|400.'],
  ['CL.TE with a request behind', post(`Content-Length: 6\r\n${TE}`, '0\r\n\r\nG'), REFUSED],
  [
    'TE.CL with a request inside',
    post(`Content-Length: 4\r\n${TE}`, `1d\r\nGET /evil HTTP/1.1\r\nX: aaaaa\r\n0\r\n\r\n`),
    REFUSED
  ],
  ['chunked from HTTP/1.0', post(TE, CHUNKS, '1.0'), '200|400.'],
  ['chunked and length from HTTP/1.0', post(TE + CL, CHUNKS, '1.0'), REFUSED],
  ['chunked twice in lines', post(TE + TE, CHUNKS), REFUSED],
  ['identity first, chunked in a second line', post(`Transfer-Encoding: identity\r\n${TE}`, CHUNKS), '400.|501.'],
  ['chunked first, identity in a second line', post(`${TE}Transfer-Encoding: identity\r\n`, CHUNKS), REFUSED],
  ['chunked first, junk second (CVE-2020-8287)', post(`${TE}Transfer-Encoding: eee\r\n`, CHUNKS), REFUSED],
  ['gzip, chunked', post('Transfer-Encoding: gzip, chunked\r\n', CHUNKS), '501.'],
  ['gzip in a line before', post(`Transfer-Encoding: gzip\r\n${TE}`, CHUNKS), '501.|400.'],
  ['a name that looks like it', post(`Transfer_Encoding: chunked\r\n${CL}`), '200'],
  ['a name that ends like it', post(`X-Transfer-Encoding: chunked\r\n${CL}`), '200'],
  ['a name that begins like it', post(`Transfer-Encoding-X: chunked\r\n${CL}`), '200'],
  ['hidden behind a bare LF', post(`X: X\nTransfer-Encoding: chunked\r\n${CL}`), REFUSED],
  ['hidden behind a bare CR', post(`X: X\rTransfer-Encoding: chunked\r\n${CL}`), REFUSED],
  ['a name broken by a line end', post(`Transfer-Encoding\r\n : chunked\r\n${CL}`), REFUSED],
  ['a name broken by LF', post(`Transfer-Encoding\n: chunked\r\n${CL}`), REFUSED],
  ['a name with NUL', post(`Transfer-Encoding\x00: chunked\r\n${CL}`), REFUSED],
  ['a name with a byte over 127', post(`Transfer-Encoding\xa0: chunked\r\n${CL}`), REFUSED],
  ['a name in odd case and length', post(`tRANSFER-eNCODING: chunked\r\n${CL}`, CHUNKS), '200|400.'],
  ['named by Connection', post(`Connection: Transfer-Encoding\r\n${TE}`, CHUNKS), '200|400.']
]);
each(
  '6.1, 6.3; http-garden, "HTTP desync attacks"',
  'Transfer-Encoding',
  [
    'xchunked',
    'chunkedx',
    'chunke',
    'chunked, identity',
    'chunked, chunked',
    'chunked,',
    ',chunked',
    'identity',
    'cow',
    'gzip'
  ]
    .concat([
      '',
      ' ',
      '"chunked"',
      "'chunked'",
      'chunked;a=b',
      'chunked ;',
      'chunked\x0b',
      '\x0bchunked',
      '\x0cchunked'
    ])
    .concat([
      'chunked\x00',
      '\x00chunked',
      'chunk\x00ed',
      'chunked\xa0',
      '\xa0chunked',
      '[chunked]',
      'chunked identity'
    ])
    .concat([
      'identity chunked',
      'chunked:',
      ': chunked',
      'deflate',
      'compress',
      'trailers',
      'chun ked',
      'chunked\xff'
    ]),
  (te) => post(`Transfer-Encoding: ${te}\r\n`, CHUNKS),
  '400.|501.'
);
each(
  'the same with a length',
  'Transfer-Encoding and length',
  [
    'xchunked',
    'chunked, identity',
    'identity',
    '',
    '\x0bchunked',
    'chunked\x0b',
    '"chunked"',
    'chunked;a',
    ',chunked',
    '\xa0chunked'
  ],
  (te) => post(`Transfer-Encoding: ${te}\r\n${CL}`),
  '400.|501.'
);
each('5.1; CVE-2021-22959', 'Transfer-Encoding before the colon', [' ', '\t', '\x0b'], (c) =>
  post(`Transfer-Encoding${c}: chunked\r\n${CL}`)
);

// ---- chunks ----

each(
  '7.1; CVE-2013-2028',
  'chunk size',
  [
    `0x${HEX}`,
    `+${HEX}`,
    `-${HEX}`,
    '-1',
    `1_f`,
    `${HEX}h`,
    `g${HEX}`,
    ` ${HEX}`,
    `\t${HEX}`,
    `${HEX} `,
    `${HEX}\t`,
    '',
    ' ',
    `"${HEX}"`
  ]
    .concat([
      `${HEX} ${HEX}`,
      `${HEX}\x00`,
      `${HEX}\x0b`,
      `\x0b${HEX}`,
      `${HEX}\xa0`,
      `${HEX},`,
      `${HEX}.0`,
      '1000000000000001f'
    ])
    .concat(['1'.repeat(300), '\xb2']),
  (size) => chunked(`${size}\r\n${BODY}\r\n0\r\n\r\n`)
);
each(
  '7.1.1; http-garden, "funky chunks", CVE-2025-22871, CVE-2025-55315',
  'chunk line',
  [
    `${HEX}\n`,
    `${HEX}\r`,
    `${HEX}\r\r\n`,
    `${HEX};a\n`,
    `${HEX};a=b\n`,
    `${HEX};\n`,
    `${HEX};a\rb\r\n`,
    `${HEX};a\nb\r\n`,
    `${HEX};a\x00b\r\n`
  ]
    .concat([
      `${HEX};a="\n"\r\n`,
      `${HEX};a="\r"\r\n`,
      `${HEX}a\r\n`,
      `${HEX}\r\r\r\n`,
      `${HEX}\n\r\n`,
      `\n${HEX}\r\n`,
      `\r\n${HEX}\r\n`
    ])
    .concat([`${HEX};\x01\r\n`]),
  (line) => chunked(`${line}${BODY}\r\n0\r\n\r\n`)
);
add('7.1', [
  ['a chunk of 2^63 bytes', chunked(`8000000000000000\r\n${BODY}\r\n0\r\n\r\n`), '400.|413.'],
  ['a chunk of 2^64 - 1 bytes', chunked(`ffffffffffffffff\r\n${BODY}\r\n0\r\n\r\n`), '400.|413.'],
  ['a chunk of 2^64 - 15 bytes', chunked(`fffffffffffffff1\r\n${BODY}\r\n0\r\n\r\n`), '400.|413.'],
  ['no line end after data', chunked(`${HEX}\r\n${BODY}0\r\n\r\n`), REFUSED],
  ['junk for the line end after data (CVE-2025-43859)', chunked(`${HEX}\r\n${BODY}XX0\r\n\r\n`), REFUSED],
  ['bare LF after data', chunked(`${HEX}\r\n${BODY}\n0\r\n\r\n`), REFUSED],
  ['bare CR after data', chunked(`${HEX}\r\n${BODY}\r0\r\n\r\n`), REFUSED],
  ['LF CR after data', chunked(`${HEX}\r\n${BODY}\n\r0\r\n\r\n`), REFUSED],
  ['CR CR after data', chunked(`${HEX}\r\n${BODY}\r\r\n0\r\n\r\n`), REFUSED],
  ['a blank after data', chunked(`${HEX}\r\n${BODY} \r\n0\r\n\r\n`), REFUSED],
  ['a chunk that is too long', chunked(`5\r\n${BODY}\r\n0\r\n\r\n`), REFUSED],
  ['a chunk that is too short', chunked(`${(N + 2).toString(16)}\r\n${BODY}\r\n0\r\n\r\n`), REFUSED],
  ['bare LF after the last chunk', chunked(`${HEX}\r\n${BODY}\r\n0\n\r\n`), REFUSED],
  ['bare LF at the end', chunked(`${HEX}\r\n${BODY}\r\n0\r\n\n`), '200|400.'],
  ['two bare LF at the end', chunked(`${HEX}\r\n${BODY}\r\n0\n\n`), REFUSED],
  ['a bare CR at the end', chunked(`${HEX}\r\n${BODY}\r\n0\r\n\rX`), REFUSED],
  ['a last chunk with a sign', chunked(`${HEX}\r\n${BODY}\r\n-0\r\n\r\n`), REFUSED],
  ['a last chunk 0x0', chunked(`${HEX}\r\n${BODY}\r\n0x0\r\n\r\n`), REFUSED],
  ['data behind the last chunk', chunked(`${HEX}\r\n${BODY}\r\n0\r\nX\r\n\r\n`), REFUSED],
  ['no last chunk', chunked(`${HEX}\r\n${BODY}\r\n`), REFUSED],
  ['no chunk at all', chunked('\r\n'), REFUSED],
  ['no chunked body', chunked(BODY), REFUSED],
  ['an extension of 100 KB', chunked(`${HEX};a=${'b'.repeat(100000)}\r\n${BODY}\r\n0\r\n\r\n`), '400.|413.|431.'],
  ['an extension of 100 bytes a byte', chunked(`1;${'a'.repeat(100)}\r\n{\r\n`.repeat(2000)), '400.|413.|431.'],
  ['2 MB of trailers', chunked(`${HEX}\r\n${BODY}\r\n0\r\n${'X: 1\r\n'.repeat(300000)}\r\n`), '400.|413.|431.']
]);
add('7.1.2', [
  ['a folded trailer', chunked(`${HEX}\r\n${BODY}\r\n0\r\nX-A: 1\r\n b\r\n\r\n`), '200|400.'],
  ['a trailer with a bare LF', chunked(`${HEX}\r\n${BODY}\r\n0\r\nX-A: 1\n\r\n`), '200|400.'],
  ['a trailer without a colon', chunked(`${HEX}\r\n${BODY}\r\n0\r\nX-A\r\n\r\n`), REFUSED],
  ['a trailer with a bare CR', chunked(`${HEX}\r\n${BODY}\r\n0\r\nX-A: 1\rX: 2\r\n\r\n`), '200|400.'],
  ['a trailer with NUL', chunked(`${HEX}\r\n${BODY}\r\n0\r\nX-A: \x00\r\n\r\n`), '200|400.'],
  ['a trailer with a blank before the colon', chunked(`${HEX}\r\n${BODY}\r\n0\r\nX-A : 1\r\n\r\n`), REFUSED],
  ['a trailer that would be a length', chunked(`${HEX}\r\n${BODY}\r\n0\r\nContent-Length: 5\r\n\r\n`), '200|400.'],
  ['a trailer that would be an encoding', chunked(`${HEX}\r\n${BODY}\r\n0\r\n${TE}\r\n`), '200|400.'],
  ['a request in the trailers', chunked(`${HEX}\r\n${BODY}\r\n0\r\nGET /evil HTTP/1.1\r\nX: 1\r\n\r\n`), REFUSED]
]);

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
