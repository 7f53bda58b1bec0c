/** The settings of a server that most people leave as they are: between what is typed and what hob keeps. */
import type { Rewrite, Server, ServerInput } from '$lib/api/types';

export interface AdvancedTexts {
	aliases: string;
	slots: string;
	/** Minutes. */
	idleStop: string;
	group: string;
	maxWaiting: string;
	/** Seconds. */
	hold: string;
	answer: string;
	silence: string;
	earlyHeader: string;
	env: string;
	rewrite: string;
}

export const UNCHANGED: AdvancedTexts = {
	aliases: '',
	slots: '',
	idleStop: '',
	group: '',
	maxWaiting: '',
	hold: '',
	answer: '',
	silence: '',
	earlyHeader: '',
	env: '',
	rewrite: ''
};

/** hob's names of them. */
export const ADVANCED_FIELDS = [
	...['aliases', 'slots', 'idle_stop_s', 'group', 'max_waiting', 'hold_s', 'answer_s', 'silence_s'],
	...['early_header_s', 'env', 'rewrite']
];

const numberText = (n: number): string => (n > 0 ? String(n) : '');

export function textsOfServer(server: Server | null): AdvancedTexts {
	if (!server) return { ...UNCHANGED };
	return {
		aliases: server.aliases.join(', '),
		slots: numberText(server.slots),
		idleStop: numberText(Math.round((server.idle_stop_s / 60) * 100) / 100),
		group: server.group ?? '',
		maxWaiting: numberText(server.max_waiting),
		hold: numberText(server.hold_s),
		answer: numberText(server.answer_s),
		silence: numberText(server.silence_s),
		earlyHeader: numberText(server.early_header_s),
		env: server.env.join('\n'),
		rewrite: server.rewrite ? JSON.stringify(server.rewrite, null, 2) : ''
	};
}

/** What of the advanced settings is not as it is without being set; for the fold's heading. */
export function countSet(texts: AdvancedTexts): number {
	return Object.values(texts).filter((text) => text.trim() !== '').length;
}

/** hob's words about a field, to be read below it: without its name, as a sentence. */
export function atField(message: string, field: string): string {
	const rest = message.replace(new RegExp(`^"${field}":? `), '');
	return `${rest.charAt(0).toUpperCase()}${rest.slice(1)}`.replace(/[^.!?]$/, '$&.');
}

/** 30 days. */
const MAX_SECONDS = 2_592_000;
const SECONDS = [
	['hold', 'hold_s'],
	['answer', 'answer_s'],
	['silence', 'silence_s'],
	['earlyHeader', 'early_header_s']
] as const;

type Errors = Record<string, string>;

function whole(text: string, max: number, field: string, errors: Errors): number {
	const value = text.trim() === '' ? 0 : Number(text);
	if (Number.isInteger(value) && value >= 0 && value <= max) return value;
	errors[field] = `Type a whole number up to ${max.toLocaleString('en')}, or nothing.`;
	return 0;
}

function minutes(text: string, errors: Errors): number {
	const value = text.trim() === '' ? 0 : Number(text.replace(',', '.'));
	if (value >= 0 && value <= 43_200) return Math.round(value * 60);
	errors.idle_stop_s = 'Type a number of minutes up to 43,200 (30 days), or nothing.';
	return 0;
}

/** A line with a name alone keeps the value that hob has. */
function readEnv(text: string, kept: string[], errors: Errors): Record<string, string | null> {
	const env: Record<string, string | null> = {};
	for (const line of text.split('\n').map((l) => l.trim())) {
		if (line === '') continue;
		const at = line.indexOf('=');
		const name = at < 0 ? line : line.slice(0, at);
		if (!/^[A-Za-z_]\w*$/.test(name))
			errors.env = `“${name}” is no name of a variable. Write NAME=value.`;
		else if (at < 0 && !kept.includes(name))
			errors.env = `${name} has no value yet: ${name}=value.`;
		else env[name] = at < 0 ? null : line.slice(at + 1);
	}
	return env;
}

const isObject = (v: unknown): v is Record<string, unknown> =>
	typeof v === 'object' && v !== null && !Array.isArray(v);

function readRewrite(text: string, errors: Errors): Rewrite | null {
	if (text.trim() === '') return null;
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch (e) {
		errors.rewrite = `This is not JSON: ${(e as Error).message}`;
		return null;
	}
	const wrong = !isObject(value) ? 'Write an object: { ... }.' : whatIsWrong(value);
	if (wrong) errors.rewrite = wrong;
	return wrong ? null : (value as Rewrite);
}

function whatIsWrong(rewrite: Record<string, unknown>): string | null {
	for (const [key, value] of Object.entries(rewrite)) {
		if (value === null) continue;
		if (key === 'model' ? typeof value !== 'string' : false) return '“model” must be a text.';
		if ((key === 'set' || key === 'defaults') && !isObject(value))
			return `“${key}” must be an object of parameters.`;
		if (key === 'strip' && !(Array.isArray(value) && value.every((v) => typeof v === 'string')))
			return '“strip” must be a list of names.';
		if (!['model', 'set', 'defaults', 'strip'].includes(key))
			return `There is no “${key}”; there are model, defaults, set and strip.`;
	}
	return null;
}

/** What differs from the server (null: a new one). Faults are put into errors, by hob's names of the fields. */
export function readAdvanced(
	texts: AdvancedTexts,
	server: Server | null,
	errors: Errors
): ServerInput {
	const before = textsOfServer(server);
	const is = (key: keyof AdvancedTexts): boolean => texts[key].trim() !== before[key].trim();
	const input: ServerInput = {};
	if (is('aliases'))
		input.aliases = texts.aliases
			.split(/[,\n]/)
			.map((name) => name.trim())
			.filter(Boolean);
	if (is('slots')) input.slots = whole(texts.slots, 4096, 'slots', errors);
	if (is('idleStop')) input.idle_stop_s = minutes(texts.idleStop, errors);
	if (is('group')) input.group = texts.group.trim() || null;
	if (is('maxWaiting')) input.max_waiting = whole(texts.maxWaiting, 10_000, 'max_waiting', errors);
	for (const [key, field] of SECONDS)
		if (is(key)) input[field] = whole(texts[key], MAX_SECONDS, field, errors);
	if (is('env')) input.env = readEnv(texts.env, server?.env ?? [], errors);
	if (is('rewrite')) input.rewrite = readRewrite(texts.rewrite, errors);
	return input;
}

/** For people: "aliases", "2 at once" ... of what is set. */
export function describeAdvanced(server: Server): [string, string][] {
	const facts: [string, string][] = [];
	if (server.aliases.length) facts.push(['Other names', server.aliases.join(', ')]);
	if (server.slots) facts.push(['Requests at once', String(server.slots)]);
	if (server.idle_stop_s) facts.push(['Stops when idle for', duration(server.idle_stop_s)]);
	if (server.group) facts.push(['Group', server.group]);
	if (server.max_waiting) facts.push(['May wait', `${server.max_waiting} requests`]);
	if (server.hold_s) facts.push(['Longest wait', duration(server.hold_s)]);
	if (server.answer_s) facts.push(['Time to begin an answer', duration(server.answer_s)]);
	if (server.silence_s) facts.push(['Longest pause in an answer', duration(server.silence_s)]);
	if (server.early_header_s) facts.push(['Early header after', duration(server.early_header_s)]);
	if (server.env.length) facts.push(['Environment', server.env.join(', ')]);
	if (server.rewrite) facts.push(['Rewriting', JSON.stringify(server.rewrite)]);
	return facts;
}

function duration(s: number): string {
	if (s % 3600 === 0) return `${s / 3600} h`;
	return s % 60 === 0 ? `${s / 60} min` : `${s} s`;
}
