// A strict reader of Prometheus' text format 0.0.4: whatever the format does not allow is an error.
const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const TYPES = ['counter', 'gauge', 'histogram', 'summary', 'untyped'];

function readLabels(text, line) {
  const labels = {};
  let rest = text;
  while (rest !== '') {
    const m = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/.exec(rest);
    if (!m) throw new Error(`labels: ${line}`);
    if (m[1] in labels) throw new Error(`label twice: ${line}`);
    labels[m[1]] = m[2].replace(/\\(.)/g, (_, c) => (c === 'n' ? '\n' : c));
    rest = rest.slice(m[0].length);
  }
  return labels;
}

function readValue(text, line) {
  if (text === '+Inf') return Infinity;
  if (!/^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(text)) throw new Error(`value: ${line}`);
  return Number(text);
}

/** The samples of a family are its own, and those of a histogram its three. */
function belongs(name, family) {
  if (name === family.name) return family.type !== 'histogram';
  return family.type === 'histogram' && ['_bucket', '_sum', '_count'].some((s) => name === family.name + s);
}

function checkHistogram(family) {
  const series = new Map();
  for (const sample of family.samples) {
    const which = JSON.stringify({ ...sample.labels, le: undefined });
    series.set(which, [...(series.get(which) ?? []), sample]);
  }
  for (const [which, samples] of series) {
    const buckets = samples.filter((s) => s.name.endsWith('_bucket'));
    const bounds = buckets.map((s) => readValue(s.labels.le, which));
    const count = samples.find((s) => s.name.endsWith('_count'));
    const sum = samples.find((s) => s.name.endsWith('_sum'));
    if (!count || !sum || bounds.at(-1) !== Infinity) throw new Error(`${family.name} ${which} is not whole`);
    if (buckets.at(-1).value !== count.value) throw new Error(`${family.name} ${which}: +Inf is not the count`);
    for (let i = 1; i < buckets.length; i++) {
      if (bounds[i] <= bounds[i - 1] || buckets[i].value < buckets[i - 1].value)
        throw new Error(`${family.name} ${which}: buckets do not rise`);
    }
  }
}

/** {name: {type, help, samples: [{name, labels, value}]}} */
export function parseMetrics(text) {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const families = {};
  const seen = new Set();
  let family = null;
  for (const line of text.slice(0, -1).split('\n')) {
    const head = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line);
    if (head?.[1] === 'HELP') {
      if (!NAME.test(head[2]) || families[head[2]]) throw new Error(`family: ${line}`);
      family = { name: head[2], help: head[3], type: null, samples: [] };
      families[family.name] = family;
    } else if (head) {
      if (head[2] !== family?.name || family.type || !TYPES.includes(head[3])) throw new Error(`type: ${line}`);
      family.type = head[3];
    } else {
      const m = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
      if (!m || !family?.type || !belongs(m[1], family)) throw new Error(`sample: ${line}`);
      const sample = { name: m[1], labels: readLabels(m[2] ?? '', line), value: readValue(m[3], line) };
      const key = sample.name + JSON.stringify(Object.entries(sample.labels).sort());
      if (seen.has(key)) throw new Error(`twice: ${line}`);
      if (family.type === 'counter' && (!sample.name.endsWith('_total') || sample.value < 0))
        throw new Error(`counter: ${line}`);
      seen.add(key);
      family.samples.push(sample);
    }
  }
  Object.values(families).forEach((f) => f.type === 'histogram' && checkHistogram(f));
  return families;
}
