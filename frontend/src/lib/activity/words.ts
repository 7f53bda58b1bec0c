/** Records and sums in words. */
import type { ActivityRecord, ActivitySeries } from '$lib/api/types';

export const RANGES = [
	{ id: '1h', label: 'Last hour', ms: 3_600_000, buckets: 60 },
	{ id: '24h', label: 'Last 24 hours', ms: 86_400_000, buckets: 96 },
	{ id: '7d', label: 'Last 7 days', ms: 7 * 86_400_000, buckets: 84 },
	{ id: '30d', label: 'Last 30 days', ms: 30 * 86_400_000, buckets: 90 },
	{ id: '90d', label: 'Last 90 days', ms: 90 * 86_400_000, buckets: 90 }
] as const;
export type RangeId = (typeof RANGES)[number]['id'];

export const OUTCOMES = [
	{ id: '', label: 'All outcomes' },
	{ id: 'ok', label: 'Answered' },
	{ id: 'error', label: 'Failed' },
	{ id: 'gone', label: 'Client left' }
] as const;

const ROUTES: Record<string, string> = {
	'/api/chat/completions': 'Chat on the page',
	'/v1/chat/completions': 'Chat completion',
	'/v1/completions': 'Completion',
	'/v1/responses': 'Response',
	'/v1/messages': 'Message',
	'/v1/messages/count_tokens': 'Token count',
	'/v1/embeddings': 'Embeddings',
	'/v1/rerank': 'Rerank',
	'/v1/audio/transcriptions': 'Transcription',
	'/v1/audio/speech': 'Speech',
	'/v1/images/generations': 'Image',
	'/v1/models': 'List of models'
};
export const routeWords = (route: string): string => ROUTES[route] ?? route;

/** "12 ms", "1.3 s", "2 min 5 s". */
export function formatMs(ms: number): string {
	if (ms < 1000) return `${String(Math.round(ms))} ms`;
	if (ms < 9950) return `${(ms / 1000).toFixed(1)} s`;
	const s = Math.round(ms / 1000);
	if (s < 60) return `${String(s)} s`;
	if (s < 3600) return `${String(Math.floor(s / 60))} min${s % 60 ? ` ${String(s % 60)} s` : ''}`;
	return `${String(Math.floor(s / 3600))} h ${String(Math.floor((s % 3600) / 60))} min`;
}

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
/** "980", "12.3K". */
export const formatCompact = (n: number): string => compact.format(n);

export type Outcome = 'ok' | 'error' | 'gone';
export function outcomeOf(r: ActivityRecord): Outcome {
	if (r.client_gone) return 'gone';
	return (r.status ?? 0) >= 400 || r.code !== null ? 'error' : 'ok';
}

/** "200", "502 engine_died", "Left". */
export function outcomeWords(r: ActivityRecord): string {
	if (r.client_gone) return 'Client left';
	const status = r.status === null ? 'Left' : String(r.status);
	return r.code ? `${status} ${r.code}` : status;
}

const REASONS: Record<string, string> = {
	model_not_found: 'No such model',
	server_not_found: 'The server was removed',
	model_not_allowed: 'The key is not for this model',
	route_not_allowed: 'The key is not for such requests',
	route_not_supported: 'The engine cannot do this',
	invalid_api_key: 'The key is wrong or has expired',
	rate_limit_exceeded: 'Over a limit of its key or account',
	queue_full: 'Too many were waiting already',
	queue_timeout: 'Waited too long',
	waiting_for_memory: 'Waited for memory',
	out_of_memory: 'Does not fit in memory',
	request_too_large: 'The request is too large',
	engine_starting: 'The model was still loading',
	engine_loading: 'The model was still loading',
	engine_stopping: 'The server was being stopped',
	engine_stopped: 'The server was stopped',
	engine_failed: 'The server has failed',
	engine_died: 'The engine died while it answered',
	engine_refused: 'The engine refused the connection',
	engine_timeout: 'The engine was silent for too long',
	engine_error: 'The engine answered with an error'
};
/** Why there was no answer, for people; null: nothing to add to outcomeWords. */
export function outcomeReason(r: ActivityRecord): string | null {
	if (r.client_gone) return null;
	return REASONS[r.code ?? ''] ?? (r.status === 401 ? REASONS.invalid_api_key! : null);
}

/** "39.9"; null where one token or none says nothing about speed. */
export function speedWords(r: ActivityRecord): string | null {
	if (r.tokens_per_s === null || (r.tokens_out ?? 0) < 2) return null;
	return r.tokens_per_s < 100 ? r.tokens_per_s.toFixed(1) : formatCompact(r.tokens_per_s);
}

export interface Totals {
	requests: number;
	errors: number;
	tokens_in: number;
	tokens_out: number;
}
const sum = (list: number[]): number => list.reduce((a, b) => a + b, 0);
export const totalsOf = (s: ActivitySeries): Totals => ({
	requests: sum(s.requests),
	errors: sum(s.errors),
	tokens_in: sum(s.tokens_in),
	tokens_out: sum(s.tokens_out)
});
