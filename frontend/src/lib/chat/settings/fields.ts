/** The sampling parameters that can be set for a conversation: ranges as in docs/openapi.yaml, and their text forms. */
import type { Options, Settings } from '$lib/api/types';

export type NumberKey = Exclude<keyof Options, 'stop'>;

export interface NumberField {
	key: NumberKey;
	label: string;
	hint: string;
	min: number;
	max: number;
	whole?: boolean;
}

export const FIELDS: readonly NumberField[] = [
	{ key: 'temperature', label: 'Temperature', hint: 'Higher is more varied', min: 0, max: 5 },
	{ key: 'max_tokens', label: 'Longest answer', hint: 'In tokens', min: 1, max: 1e7, whole: true },
	{ key: 'top_p', label: 'Top p', hint: 'Share of likely words', min: 0, max: 1 },
	{ key: 'top_k', label: 'Top k', hint: 'So many likely words', min: 0, max: 100_000, whole: true },
	{ key: 'min_p', label: 'Min p', hint: 'Drops unlikely words', min: 0, max: 1 },
	{
		key: 'seed',
		label: 'Seed',
		hint: 'Same seed, same answer',
		min: -1,
		max: 4_294_967_295,
		whole: true
	},
	{
		key: 'presence_penalty',
		label: 'Presence penalty',
		hint: 'Against old topics',
		min: -2,
		max: 2
	},
	{
		key: 'frequency_penalty',
		label: 'Frequency penalty',
		hint: 'Against repeated words',
		min: -2,
		max: 2
	}
];

export const MAX_STOPS = 16;
const MAX_STOP_BYTES = 256;
export const UNSET = "engine's default";

/** What stands in the fields; an empty one is unset. */
export interface Texts {
	numbers: Record<NumberKey, string>;
	/** One a line, with \n, \t and \\ for what has no place in a line. */
	stop: string;
	systemPrompt: string;
}

export interface Read {
	settings: Settings;
	/** By field; a field with an error keeps what was saved of it. */
	errors: Partial<Record<keyof Options, string>>;
}

const grouped = new Intl.NumberFormat('en');

function rangeText(field: NumberField): string {
	const what = field.whole ? 'A whole number' : 'A number';
	return `${what} from ${grouped.format(field.min)} to ${grouped.format(field.max)}, or nothing for the ${UNSET}.`;
}

/** Undefined: unset. A string: why it is none. */
export function readNumber(field: NumberField, text: string): number | undefined | string {
	const trimmed = text.trim();
	if (trimmed === '') return undefined;
	const plain = trimmed.replace(/^([-+]?\d*),(\d+)$/, '$1.$2').replaceAll(' ', '');
	const value = /^[-+]?(\d+\.?\d*|\.\d+)$/.test(plain) ? Number(plain) : NaN;
	const fits =
		value >= field.min && value <= field.max && (!field.whole || Number.isInteger(value));
	return fits ? value : rangeText(field);
}

const ESCAPES: Record<string, string> = { n: '\n', t: '\t', r: '\r', '\\': '\\' };

function readStop(text: string): string[] | string {
	const stops = text
		.split('\n')
		.filter((line) => line !== '')
		.map((line) => line.replace(/\\([ntr\\])/g, (_, c: string) => ESCAPES[c] ?? c));
	const bytes = (s: string): number => new TextEncoder().encode(s).length;
	if (stops.length > MAX_STOPS) return `At most ${String(MAX_STOPS)} stop sequences, one a line.`;
	if (stops.some((s) => bytes(s) > MAX_STOP_BYTES))
		return `A stop sequence has at most ${String(MAX_STOP_BYTES)} bytes.`;
	return stops;
}

function stopText(stop: Options['stop']): string {
	const stops = stop === undefined ? [] : typeof stop === 'string' ? [stop] : stop;
	return stops
		.map((s) =>
			s
				.replaceAll('\\', '\\\\')
				.replaceAll('\n', '\\n')
				.replaceAll('\t', '\\t')
				.replaceAll('\r', '\\r')
		)
		.join('\n');
}

export function textsOf(settings: Settings): Texts {
	const { options } = settings;
	const numbers = Object.fromEntries(
		FIELDS.map(({ key }) => [key, options[key] === undefined ? '' : String(options[key])])
	) as Record<NumberKey, string>;
	return { numbers, stop: stopText(options.stop), systemPrompt: settings.system_prompt ?? '' };
}

/** `saved` stands in for fields that cannot be read. */
export function read(texts: Texts, saved: Settings): Read {
	const options: Options = {};
	const errors: Read['errors'] = {};
	for (const field of FIELDS) {
		const value = readNumber(field, texts.numbers[field.key]);
		const kept = typeof value === 'string' ? saved.options[field.key] : value;
		if (typeof value === 'string') errors[field.key] = value;
		if (kept !== undefined) options[field.key] = kept;
	}
	const stop = readStop(texts.stop);
	if (typeof stop === 'string') {
		errors.stop = stop;
		if (saved.options.stop !== undefined) options.stop = saved.options.stop;
	} else if (stop.length > 0) options.stop = stop;
	const prompt = texts.systemPrompt.trim();
	return {
		settings: { options, system_prompt: prompt === '' ? null : texts.systemPrompt },
		errors
	};
}

/** Whether anything differs from the engine's and the server's own. */
export function isSet(settings: Settings): boolean {
	return Object.keys(settings.options).length > 0 || Boolean(settings.system_prompt);
}

export function sameSettings(a: Settings, b: Settings): boolean {
	const x = textsOf(a);
	const y = textsOf(b);
	return (
		x.stop === y.stop &&
		x.systemPrompt === y.systemPrompt &&
		FIELDS.every(({ key }) => x.numbers[key] === y.numbers[key])
	);
}
