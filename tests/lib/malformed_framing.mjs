// Raw requests whose body is framed rightly, wrongly or in two ways: its length, its encoding, its chunks (malformed.mjs).
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
  add,
  each
} from './malformed_case.mjs';

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
