/** What a key may be used for and how much of it: from what somebody typed, and in words. */
import type { ApiKey, KeyInput, KeyRoute, Limits } from '$lib/api/types';
import { formatCount } from '$lib/format';

export const ROUTES: readonly (readonly [KeyRoute, string])[] = [
	['chat', 'Chat completions'],
	['completions', 'Completions'],
	['responses', 'Responses'],
	['messages', 'Messages (Anthropic)'],
	['embeddings', 'Embeddings'],
	['rerank', 'Rerank'],
	['audio', 'Audio'],
	['images', 'Images'],
	['upstream', 'Engines’ own addresses'],
	['api', 'hob’s own interface']
];

export const NO_LIMITS: Limits = {
	requests_per_minute: null,
	tokens_per_minute: null,
	max_parallel: null
};

/** As fields have them; "": no limit. */
export type LimitTexts = Record<keyof Limits, string>;
export type LimitErrors = Partial<Record<keyof Limits, string>>;

export const LIMIT_FIELDS: readonly (readonly [keyof Limits, string, number])[] = [
	['requests_per_minute', 'Requests a minute', 1e9],
	['tokens_per_minute', 'Tokens a minute', 1e9],
	['max_parallel', 'Requests at once', 1e5]
];

export function limitTexts(limits: Limits): LimitTexts {
	const text = (n: number | null): string => (n === null ? '' : String(n));
	return {
		requests_per_minute: text(limits.requests_per_minute),
		tokens_per_minute: text(limits.tokens_per_minute),
		max_parallel: text(limits.max_parallel)
	};
}

/** Fills errors, and gives null, when a text is no number from 1 on. */
export function readLimits(texts: LimitTexts, errors: LimitErrors): Limits | null {
	const limits = { ...NO_LIMITS };
	let ok = true;
	for (const [field, , max] of LIMIT_FIELDS) {
		const text = texts[field].trim().replaceAll(/[\s,_]/g, '');
		if (text === '') continue;
		const n = /^\d+$/.test(text) ? Number(text) : 0;
		if (n >= 1 && n <= max) limits[field] = n;
		else {
			errors[field] = `Type a number from 1 to ${max.toLocaleString('en')}, or nothing.`;
			ok = false;
		}
	}
	return ok ? limits : null;
}

export interface RightsTexts {
	/** With commas; "": all. */
	models: string;
	routes: Record<KeyRoute, boolean>;
	/** The last day, "2026-01-31"; "": for ever. */
	lastDay: string;
	limits: LimitTexts;
}
export type RightsErrors = LimitErrors &
	Partial<Record<'models' | 'routes' | 'expires_at', string>>;

/** The day in local time, as a date field has it. */
function dayOf(at: number): string {
	const d = new Date(at);
	const two = (n: number): string => String(n).padStart(2, '0');
	return `${String(d.getFullYear()).padStart(4, '0')}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
}

/** The last millisecond of a day in local time. */
function endOf(day: string): number {
	const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
	return new Date(year, month - 1, date, 23, 59, 59, 999).getTime();
}

export function rightsTexts(
	key: Pick<ApiKey, 'models' | 'routes' | 'expires_at' | 'limits'>
): RightsTexts {
	const routes = Object.fromEntries(
		ROUTES.map(([route]) => [route, key.routes?.includes(route) ?? true])
	) as Record<KeyRoute, boolean>;
	return {
		models: key.models?.join(', ') ?? '',
		routes,
		lastDay: key.expires_at === null ? '' : dayOf(key.expires_at),
		limits: limitTexts(key.limits)
	};
}

export const allRights = (): RightsTexts =>
	rightsTexts({ models: null, routes: null, expires_at: null, limits: NO_LIMITS });

/**
 * Fills errors, and gives null, when something makes no sense. expiresAt: as it is; it stays to the millisecond where its
 * day does.
 */
export function readRights(
	texts: RightsTexts,
	errors: RightsErrors,
	expiresAt: number | null = null
): KeyInput | null {
	const models = texts.models
		.split(',')
		.map((m) => m.trim())
		.filter(Boolean);
	const routes = ROUTES.map(([route]) => route).filter((route) => texts.routes[route]);
	const limits = readLimits(texts.limits, errors);
	const isKept = texts.lastDay === (expiresAt === null ? '' : dayOf(expiresAt));
	const ends = texts.lastDay === '' ? null : endOf(texts.lastDay);
	if (routes.length === 0) errors.routes = 'Choose at least one.';
	if (models.length > 64 || models.some((m) => new TextEncoder().encode(m).length > 200))
		errors.models = 'At most 64 names, each of at most 200 letters.';
	if (!isKept && ends !== null && ends <= Date.now())
		errors.expires_at = 'Choose today or a later day.';
	if (limits === null || Object.keys(errors).length > 0) return null;
	return {
		models: models.length > 0 ? models : null,
		routes: routes.length < ROUTES.length ? routes : null,
		...(isKept ? {} : { expires_at: ends }),
		limits
	};
}

/** "60 requests a minute, 2 at once"; "" when nothing is limited. */
export function limitWords(limits: Limits): string {
	const { requests_per_minute: requests, tokens_per_minute: tokens, max_parallel: atOnce } = limits;
	return [
		requests === null ? '' : `${formatCount(requests, 'request')} a minute`,
		tokens === null ? '' : `${formatCount(tokens, 'token')} a minute`,
		atOnce === null ? '' : `${atOnce.toLocaleString('en')} at once`
	]
		.filter(Boolean)
		.join(', ');
}

/** What a key is for, and its limits, each in a few words; none for a key for everything. */
export function rightsWords(key: ApiKey): string[] {
	const names = new Map(ROUTES);
	return [
		key.models === null ? '' : `Models: ${key.models.join(', ')}`,
		key.routes === null ? '' : `For: ${key.routes.map((r) => names.get(r) ?? r).join(', ')}`,
		limitWords(key.limits)
	].filter(Boolean);
}

export const isExpired = (key: ApiKey, now = Date.now()): boolean =>
	key.expires_at !== null && key.expires_at <= now;
