/**
 * Typed calls to hob. This is the only file of the page that calls fetch; the event streams
 * (stream.ts, events.ts) open their connections through `open` below. An import goes by upload.ts.
 */
import { readText } from './reading';
import { NOT_SIGNED_IN } from './types';
import type {
	Account,
	ActivityFilter,
	ActivityRecord,
	ActivitySeries,
	ApiKey,
	Attachment,
	BulkChange,
	Config,
	Conversation,
	ConversationInput,
	Engine,
	ExportFormat,
	Folder,
	Generation,
	KeyInput,
	Limits,
	LogLine,
	Memory,
	MemorySettings,
	Message,
	ModelList,
	QueuedMessageInput,
	SearchHit,
	Server,
	ServerInput,
	SessionInfo,
	Settings,
	User
} from './types';

/** JSON calls answer in milliseconds; after so long without a word hob is stuck or out of reach. */
const CALL_TIMEOUT_MS = 30_000;
/** Uploads of 32 MiB over a slow link take a while. */
const UPLOAD_TIMEOUT_MS = 300_000;

interface ErrorDetail {
	code?: string | null;
	type?: string;
	param?: string | null;
	retryAfterS?: number | null;
	engine?: Engine | null;
}

/**
 * Any call that did not end in 2xx. `status` 0: no answer came at all, and `code` says why
 * ("network": no connection, "timeout": no headers in time).
 */
export class ApiError extends Error {
	readonly status: number;
	readonly code: string | null;
	readonly type: string;
	readonly param: string | null;
	readonly retryAfterS: number | null;
	readonly engine: Engine | null;

	constructor(status: number, message: string, detail: ErrorDetail = {}) {
		super(message);
		this.name = 'ApiError';
		this.status = status;
		this.code = detail.code ?? null;
		this.type = detail.type ?? '';
		this.param = detail.param ?? null;
		this.retryAfterS = detail.retryAfterS ?? null;
		this.engine = detail.engine ?? null;
	}
}

/** The same call may do better later: hob was out of reach, in trouble, or nobody was signed in. */
export function mayPass(e: unknown): boolean {
	return e instanceof ApiError && (e.status === 0 || e.status === 401 || e.status >= 500);
}

let onUnauthorized: (path: string) => void = () => undefined;

/** `fn` runs when a call of `path` is refused because nobody is signed in. */
export function setUnauthorizedHandler(fn: (path: string) => void): void {
	onUnauthorized = fn;
}

const STATUS_WORDS: Record<number, string> = {
	400: 'hob did not understand the request',
	401: 'You are not signed in',
	403: 'You may not do this',
	404: 'Not found',
	409: 'This conflicts with what is there',
	413: 'Too big',
	422: 'hob could not use the request',
	429: 'Too many requests',
	500: 'hob met an internal error',
	502: 'The model could not be reached',
	503: 'The model is not ready',
	504: 'The model did not answer in time'
};

/** Seconds of a Retry-After header, which is a number or an HTTP date (RFC 9110 10.2.3). */
function parseRetryAfter(value: string | null): number | null {
	if (!value) return null;
	const seconds = Number(value);
	if (Number.isFinite(seconds)) return Math.max(0, seconds);
	const at = Date.parse(value);
	return Number.isNaN(at) ? null : Math.max(0, Math.round((at - Date.now()) / 1000));
}

/** Reads an error response of hob, of an engine, or of a proxy that knows neither. */
export async function errorOf(response: Response): Promise<ApiError> {
	const fallback = STATUS_WORDS[response.status] ?? `HTTP ${String(response.status)}`;
	const retryAfterS = parseRetryAfter(response.headers.get('retry-after'));
	try {
		const body = JSON.parse(await response.text()) as { error?: unknown } | null;
		const error = body?.error;
		if (typeof error === 'string')
			return new ApiError(response.status, error || fallback, { retryAfterS });
		if (error && typeof error === 'object') {
			const e = error as Record<string, unknown>;
			return new ApiError(
				response.status,
				typeof e.message === 'string' && e.message ? e.message : fallback,
				{
					code: typeof e.code === 'string' ? e.code : null,
					type: typeof e.type === 'string' ? e.type : '',
					param: typeof e.param === 'string' ? e.param : null,
					retryAfterS,
					engine: (e.engine as Engine | undefined) ?? null
				}
			);
		}
	} catch {
		// Not JSON: a proxy's page. The status says enough.
	}
	return new ApiError(response.status, fallback, { retryAfterS });
}

/** Tells who has to know when `error`, the answer to a call of `path`, says that nobody is signed in. */
export function heedRefusal(path: string, error: ApiError): void {
	if (error.status === 401 && error.code === NOT_SIGNED_IN) onUnauthorized(path);
}

export interface OpenOptions {
	method?: string;
	body?: BodyInit;
	headers?: Record<string, string>;
	/** Ends the request at any time, headers come or not. */
	signal?: AbortSignal;
	/** Milliseconds until headers must be there. */
	headerTimeoutMs: number;
	/** It goes through also when the page is being closed (64 kB at a time); a DELETE does unless said otherwise. */
	keepalive?: boolean;
}

/**
 * One request; resolves with a 2xx response whose body is not read yet, else throws ApiError.
 * An abort by `signal` throws the browser's AbortError.
 */
export async function open(path: string, options: OpenOptions): Promise<Response> {
	return (await request(path, options)).response;
}

/** As `open`; `release` takes off what hangs on `signal`, which may outlive many requests. */
async function request(
	path: string,
	options: OpenOptions
): Promise<{ response: Response; release: () => void }> {
	const control = new AbortController();
	let timedOut = false;
	const timer = setTimeout(() => {
		timedOut = true;
		control.abort();
	}, options.headerTimeoutMs);
	const outer = options.signal;
	const forward = (): void => control.abort(outer?.reason);
	if (outer?.aborted) forward();
	else outer?.addEventListener('abort', forward, { once: true });
	const release = (): void => outer?.removeEventListener('abort', forward);
	let response: Response;
	try {
		response = await fetch(path, {
			method: options.method ?? 'GET',
			credentials: 'same-origin',
			cache: 'no-store',
			headers: options.headers,
			body: options.body,
			keepalive: options.keepalive ?? options.method === 'DELETE',
			signal: control.signal
		});
		if (!response.ok) throw await errorOf(response);
	} catch (e) {
		release();
		if (e instanceof ApiError) {
			heedRefusal(path, e);
			throw e;
		}
		if (outer?.aborted) throw new DOMException('Aborted', 'AbortError');
		if (timedOut) {
			const seconds = String(Math.round(options.headerTimeoutMs / 1000));
			throw new ApiError(0, `No answer within ${seconds} s`, { code: 'timeout' });
		}
		throw new ApiError(0, 'hob cannot be reached', { code: 'network' });
	} finally {
		clearTimeout(timer);
	}
	return { response, release };
}

export function isAbort(e: unknown): boolean {
	return e instanceof DOMException && e.name === 'AbortError';
}

interface CallOptions {
	signal?: AbortSignal;
	keepalive?: boolean;
}

function call<T>(
	method: string,
	path: string,
	body?: unknown,
	options: CallOptions = {}
): Promise<T> {
	const unsafe = method !== 'GET';
	return requestJson<T>(path, {
		method,
		headers: unsafe ? { 'content-type': 'application/json' } : {},
		body:
			body === undefined
				? unsafe && method !== 'DELETE'
					? '{}'
					: undefined
				: JSON.stringify(body),
		headerTimeoutMs: CALL_TIMEOUT_MS,
		...options
	});
}

async function requestJson<T>(path: string, options: OpenOptions): Promise<T> {
	const { response, release } = await request(path, options);
	try {
		if (response.status === 204) return undefined as T;
		return await readJson<T>(response, options.signal);
	} finally {
		release();
	}
}

/** A body that is JSON; ApiError when it breaks off or no more of it comes. */
export async function readJson<T>(response: Response, signal?: AbortSignal): Promise<T> {
	try {
		return JSON.parse(await readText(response, CALL_TIMEOUT_MS, signal)) as T;
	} catch {
		if (signal?.aborted) throw new DOMException('Aborted', 'AbortError');
		throw new ApiError(0, 'The answer of hob broke off', { code: 'network' });
	}
}

const id = encodeURIComponent;

/** "?server=x&from=1", without what is not set; a blank is %20, for hob takes a plus as it is. */
export function queryOf(values: object): string {
	const parts = Object.entries(values as Record<string, string | number | undefined>)
		.filter(([, value]) => value !== undefined && value !== '')
		.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
	return parts.length > 0 ? `?${parts.join('&')}` : '';
}

/** Every JSON call that the page makes, by name. */
export const api = {
	session: () => call<SessionInfo>('GET', '/api/session'),
	setup: (input: { token: string; name: string; password: string }) =>
		call<{ user: User }>('POST', '/api/setup', input),
	login: (input: { name: string; password: string }) =>
		call<{ user: User }>('POST', '/api/login', input),
	logout: () => call<void>('POST', '/api/logout'),
	signup: (input: { name: string; password: string }) =>
		call<{ status: 'pending' }>('POST', '/api/signup', input),

	users: () => call<{ users: Account[] }>('GET', '/api/users'),
	approveUser: (userId: string) =>
		call<{ user: Account }>('POST', `/api/users/${id(userId)}/approve`),
	disableUser: (userId: string) =>
		call<{ user: Account }>('POST', `/api/users/${id(userId)}/disable`),
	limitUser: (userId: string, limits: Limits) =>
		call<{ user: Account }>('PATCH', `/api/users/${id(userId)}`, { limits }),
	keys: () => call<{ keys: ApiKey[] }>('GET', '/api/keys'),
	createKey: (input: KeyInput & { name: string }) =>
		call<{ key: ApiKey; secret: string }>('POST', '/api/keys', input),
	updateKey: (keyId: string, input: KeyInput) =>
		call<{ key: ApiKey }>('PATCH', `/api/keys/${id(keyId)}`, input),
	deleteKey: (keyId: string) => call<void>('DELETE', `/api/keys/${id(keyId)}`),

	activity: (filter: ActivityFilter & { before?: number; limit?: number }, signal?: AbortSignal) =>
		call<{ records: ActivityRecord[]; next: number | null }>(
			'GET',
			`/api/activity${queryOf(filter)}`,
			undefined,
			{ signal }
		),
	activitySeries: (filter: ActivityFilter & { buckets: number }, signal?: AbortSignal) =>
		call<ActivitySeries>('GET', `/api/activity/series${queryOf(filter)}`, undefined, { signal }),

	servers: () => call<{ servers: Server[] }>('GET', '/api/servers'),
	server: (serverId: string) => call<{ server: Server }>('GET', `/api/servers/${id(serverId)}`),
	config: () => call<{ config: Config }>('GET', '/api/config'),
	createServer: (input: ServerInput) => call<{ server: Server }>('POST', '/api/servers', input),
	updateServer: (serverId: string, input: ServerInput) =>
		call<{ server: Server }>('PATCH', `/api/servers/${id(serverId)}`, input),
	deleteServer: (serverId: string) => call<void>('DELETE', `/api/servers/${id(serverId)}`),
	startServer: (serverId: string) =>
		call<{ server: Server }>('POST', `/api/servers/${id(serverId)}/start`),
	stopServer: (serverId: string) =>
		call<{ server: Server }>('POST', `/api/servers/${id(serverId)}/stop`),
	restartServer: (serverId: string) =>
		call<{ server: Server }>('POST', `/api/servers/${id(serverId)}/restart`),
	/** Lines numbered from `after`; poll again with the `next` of the answer. */
	serverLog: (serverId: string, after = 0, options?: CallOptions) =>
		call<{ lines: LogLine[]; next: number }>(
			'GET',
			`/api/servers/${id(serverId)}/log?after=${String(after)}`,
			undefined,
			options
		),
	memory: () => call<{ memory: Memory }>('GET', '/api/memory'),
	changeMemory: (input: Partial<MemorySettings>) =>
		call<{ memory: Memory }>('PATCH', '/api/memory', input),
	models: () => call<ModelList>('GET', '/api/models'),

	conversations: () => call<{ conversations: Conversation[] }>('GET', '/api/conversations'),
	conversation: (conversationId: string, options?: CallOptions) =>
		call<{ conversation: Conversation; settings: Settings; messages: Message[] }>(
			'GET',
			`/api/conversations/${id(conversationId)}`,
			undefined,
			options
		),
	updateConversation: (conversationId: string, input: ConversationInput) =>
		call<{ conversation: Conversation; settings: Settings }>(
			'PATCH',
			`/api/conversations/${id(conversationId)}`,
			input
		),
	deleteConversation: (conversationId: string) =>
		call<void>('DELETE', `/api/conversations/${id(conversationId)}`),
	/** At most 1,000 ids a call. */
	changeConversations: (ids: string[], change: BulkChange) =>
		call<{ n: number }>(
			'POST',
			'/api/conversations/bulk',
			{ ids, ...change },
			{ keepalive: 'delete' in change }
		),

	folders: () => call<{ folders: Folder[] }>('GET', '/api/folders'),
	addFolder: (name: string) => call<{ folder: Folder }>('POST', '/api/folders', { name }),
	renameFolder: (folderId: string, name: string) =>
		call<{ folder: Folder }>('PATCH', `/api/folders/${id(folderId)}`, { name }),
	deleteFolder: (folderId: string) => call<void>('DELETE', `/api/folders/${id(folderId)}`),

	/** `after`: the `next` of the answer before. */
	search: (
		q: string,
		options: CallOptions & { conversationId?: string; limit?: number; after?: string } = {}
	) => {
		const query = new URLSearchParams({ q });
		if (options.conversationId) query.set('conversation_id', options.conversationId);
		if (options.limit) query.set('limit', String(options.limit));
		if (options.after) query.set('after', options.after);
		return call<{ hits: SearchHit[]; next: string | null }>(
			'GET',
			`/api/search?${query.toString()}`,
			undefined,
			options.signal ? { signal: options.signal } : {}
		);
	},

	putMessage: (messageId: string, input: QueuedMessageInput) =>
		call<{ message: Message }>('PUT', `/api/messages/${id(messageId)}`, input),
	deleteMessage: (messageId: string) => call<void>('DELETE', `/api/messages/${id(messageId)}`),
	/** With everything below it. */
	deleteBranch: (messageId: string) =>
		call<void>('DELETE', `/api/messages/${id(messageId)}?branch=true`),
	/** Puts an edited answer beside this one; `newId` is made by the caller. */
	editAnswer: (messageId: string, newId: string, content: string) =>
		call<{ message: Message }>('POST', `/api/messages/${id(messageId)}/edit`, {
			id: newId,
			content
		}),

	generation: (generationId: string) =>
		call<{ generation: Generation }>('GET', `/api/generations/${id(generationId)}`),
	stopGeneration: (generationId: string) =>
		call<{ generation: Generation }>('POST', `/api/generations/${id(generationId)}/stop`),

	/** Same content by the same user gives the same id. */
	async upload(file: File, signal?: AbortSignal): Promise<Attachment> {
		const path = `/api/attachments?name=${id(file.name)}`;
		const { attachment } = await requestJson<{ attachment: Attachment }>(path, {
			method: 'POST',
			headers: { 'content-type': file.type || 'text/plain' },
			body: file,
			signal,
			headerTimeoutMs: UPLOAD_TIMEOUT_MS
		});
		return attachment;
	}
};

export function attachmentUrl(attachmentId: string): string {
	return `/api/attachments/${id(attachmentId)}`;
}

/** A download; null: everything. */
export function exportUrl(conversationId: string | null, format: ExportFormat): string {
	return conversationId
		? `/api/conversations/${id(conversationId)}/export?format=${format}`
		: `/api/export?format=${format}`;
}
