/**
 * What hob and the page say to each other: docs/openapi.yaml in TypeScript.
 * Times (`*_at`, `since`) are milliseconds since the Unix epoch; ids are UUID strings.
 */

/** Where messages go. */
export const CHAT_PATH = '/api/chat/completions';
/** The code of hob's own 401, which asks for log-in. */
export const NOT_SIGNED_IN = 'not_signed_in';

export type Role = 'admin' | 'user';

export interface User {
	id: string;
	name: string;
	role: Role;
}

export type AccountStatus = 'active' | 'pending' | 'disabled';

export interface Account extends User {
	status: AccountStatus;
	created_at: number;
}

export interface SessionInfo {
	user: User | null;
	setup_needed: boolean;
	version: string;
}

export interface ApiKey {
	id: string;
	name: string;
	prefix: string;
	created_at: number;
	last_used_at: number | null;
}

export type EngineState = 'stopped' | 'starting' | 'loading' | 'ready' | 'stopping' | 'failed';

export interface LoadProgress {
	/** 0..1; null when only the time or a text is known. */
	value: number | null;
	left_s: number | null;
	text: string | null;
	source: 'protocol' | 'log' | 'bytes' | 'time';
}

export interface EngineFailure {
	/** One sentence, such as "The engine exited with code 1 while loading". */
	reason: string;
	exit_code: number | null;
	signal: string | null;
	hint: string | null;
	/** The engine's last lines, at most 20. */
	log: string[];
}

export interface Engine {
	state: EngineState;
	since: number;
	pid: number | null;
	/** Starts so far in this run of hob. */
	attempt: number;
	progress: LoadProgress | null;
	uptime_s: number | null;
	active: number;
	waiting: number;
	rss_bytes: number | null;
	cpu_percent: number | null;
	tokens_per_s: number | null;
	failure: EngineFailure | null;
}

export type ServerKind = 'demo' | 'llama-server' | 'command';

export interface Server {
	id: string;
	name: string;
	kind: ServerKind;
	model: { name: string; path: string | null; size_bytes: number | null };
	command: string[] | null;
	args: string[];
	system_prompt: string;
	on_demand: boolean;
	autostart: boolean;
	created_at: number;
	engine: Engine;
}

export interface ServerInput {
	name?: string;
	kind?: ServerKind;
	model_path?: string | null;
	command?: string[] | null;
	args?: string[];
	system_prompt?: string;
	on_demand?: boolean;
	autostart?: boolean;
}

export interface LogLine {
	n: number;
	at: number;
	stream: 'out' | 'err' | 'hob';
	text: string;
}

export interface ModelFile {
	path: string;
	name: string;
	size_bytes: number;
	architecture: string | null;
	server_id: string | null;
}

export interface ModelList {
	models: ModelFile[];
	llama_server: { path: string } | null;
	folders: string[];
}

export interface Conversation {
	id: string;
	title: string;
	server_id: string | null;
	created_at: number;
	updated_at: number;
	generating: boolean;
}

export type ContentPart =
	| { type: 'text'; text: string }
	| { type: 'image_url'; image_url: { url: string } }
	| { type: 'file'; file: { id: string; name: string } };

export type Content = string | ContentPart[];

export type UserMessageState = 'queued' | 'pending' | 'answered';
export type GenerationState =
	'queued' | 'connecting' | 'streaming' | 'done' | 'stopped' | 'interrupted' | 'failed';

export interface MessageError {
	message: string;
	type: string;
	code: string | null;
	retryable: boolean;
}

export interface AnswerMeta {
	model: string | null;
	prompt_tokens: number | null;
	completion_tokens: number | null;
	tokens_per_s: number | null;
	ttft_ms: number | null;
	total_ms: number | null;
	finish_reason: string | null;
}

export interface Message {
	id: string;
	conversation_id: string;
	parent_id: string | null;
	role: 'user' | 'assistant';
	content: Content;
	reasoning: string | null;
	created_at: number;
	server_id: string | null;
	state: UserMessageState | GenerationState;
	generation_id: string | null;
	error: MessageError | null;
	meta: AnswerMeta | null;
}

export interface Generation {
	id: string;
	conversation_id: string;
	message_id: string;
	answer_id: string;
	server_id: string | null;
	state: GenerationState;
	error: MessageError | null;
	meta: AnswerMeta | null;
}

export interface Attachment {
	id: string;
	name: string;
	mime: string;
	size_bytes: number;
}

export type SendMode = 'send' | 'retry' | 'continue' | 'when_ready';

export interface ChatRequest {
	conversation_id: string;
	message: { id: string; parent_id: string | null; content: Content };
	server: string;
	mode: SendMode;
	options?: Record<string, unknown>;
}

export interface QueuedMessageInput {
	conversation_id: string;
	parent_id: string | null;
	content: Content;
	server: string;
	state: 'queued';
}

/** The events of GET /api/events and what each carries. */
export interface LiveEvents {
	server: Server;
	server_removed: { id: string };
	generation: Generation;
	conversation: Conversation;
	conversation_removed: { id: string };
	reset: Record<string, never>;
}
