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

/** null: no limit. */
export interface Limits {
	requests_per_minute: number | null;
	tokens_per_minute: number | null;
	max_parallel: number | null;
}

export interface Account extends User {
	status: AccountStatus;
	created_at: number;
	limits: Limits;
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
	expires_at: number | null;
	/** null: everything. */
	routes: KeyRoute[] | null;
	/** Names and patterns of servers; null: all. */
	models: string[] | null;
	limits: Limits;
}

export type KeyRoute =
	| 'chat'
	| 'completions'
	| 'responses'
	| 'messages'
	| 'embeddings'
	| 'rerank'
	| 'audio'
	| 'images'
	| 'upstream'
	| 'api';

/** What is not in it stays. */
export type KeyInput = Partial<
	Pick<ApiKey, 'name' | 'expires_at' | 'routes' | 'models' | 'limits'>
>;

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
	/** On all GPUs; null: not known. */
	gpu_bytes: number | null;
	cpu_percent: number | null;
	tokens_per_s: number | null;
	/** What is wrong with one that is ready all the same. */
	trouble: string | null;
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
	aliases: string[];
	slots: number;
	idle_stop_s: number;
	group: string | null;
	max_waiting: number;
	hold_s: number;
	answer_s: number;
	silence_s: number;
	early_header_s: number;
	rewrite: Rewrite | null;
	/** Names only. */
	env: string[];
	created_at: number;
	/** One of the configuration file can only be changed there. */
	source: 'page' | 'file';
	/** The name of that file. */
	file: string | null;
	/** Its engine runs with older settings and gets these at its next start. */
	needs_restart: boolean;
	/** Whether its model takes images; null: not known (yet). */
	vision: boolean | null;
	memory: ServerMemory;
	engine: Engine;
	queue: Queue;
}

/** Requests for a server: turns go round between those who ask. */
export interface Queue {
	/** Requests that are worked on at once; null: no limit is known. */
	slots: number | null;
	active: number;
	waiting: number;
	max_waiting: number;
	/** What they wait for; null: nobody waits. */
	reason: 'engine' | 'memory' | 'slots' | null;
	/** In words, where the engine's state does not say it. */
	note: string | null;
	/** The longest waiting ones, at most 20. */
	requests: { request_id: string | null; position: number; waited_ms: number }[];
}

/** What a server needs, and for whom it waits. */
export interface ServerMemory {
	/** null: nothing is known before its first load. */
	needs_bytes: number | null;
	gpu_bytes: number | null;
	source: 'measured' | 'estimated' | 'unknown';
	/** What its process has now. */
	used_bytes: number | null;
	gpu_used_bytes: number | null;
	/** Names of servers that have to go first; null: it does not wait. */
	waiting_for: string[] | null;
	/** The same in words: "waiting for memory, qwen3 is being unloaded". */
	reason: string | null;
}

export type GroupKind = 'exclusive' | 'together' | 'always';

/** Memory of one kind: RAM, or that of all GPUs. */
export interface MemoryKind {
	/** null: no limit. */
	budget_bytes: number | null;
	is_automatic: boolean;
	used_bytes: number;
	total_bytes: number | null;
	available_bytes: number | null;
}

export interface Gpu {
	name: string;
	/** null: it does not tell. */
	total_bytes: number | null;
	used_bytes: number | null;
}

/** Who sits in memory. */
export interface Memory {
	ram: MemoryKind;
	/** null: no GPU tells. */
	gpu: (MemoryKind & { devices: Gpu[] }) | null;
	settings: MemorySettings;
	groups: { name: string; kind: GroupKind; servers: string[] }[];
}

export interface MemorySettings {
	/** null: by what the machine has. */
	budget_bytes: number | null;
	gpu_budget_bytes: number | null;
	turn_s: number;
	groups: Record<string, GroupKind>;
}

/** What is changed in the body of a request before the engine gets it. */
export interface Rewrite {
	model?: string | null;
	defaults?: Record<string, unknown> | null;
	set?: Record<string, unknown> | null;
	strip?: string[] | null;
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
	aliases?: string[];
	slots?: number;
	idle_stop_s?: number;
	group?: string | null;
	max_waiting?: number;
	hold_s?: number;
	answer_s?: number;
	silence_s?: number;
	early_header_s?: number;
	rewrite?: Rewrite | null;
	/** Replaces all; null keeps the value of that name. */
	env?: Record<string, string | null>;
}

/** The configuration file. */
export interface Config {
	file: string | null;
	read_at: number;
	/** Why the file as it is now is not in force; null: it is. */
	error: string | null;
	/** Keys whose new value waits for a restart of hob. */
	needs_restart: string[];
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
	/** Who made the title; a model never replaces the user's. */
	titled_by: 'message' | 'model' | 'user';
	server_id: string | null;
	created_at: number;
	updated_at: number;
	generating: boolean;
	pinned: boolean;
	archived: boolean;
	folder_id: string | null;
	/** The last message of the path that is shown; null, or not there: the newest path. */
	leaf_id: string | null;
}

/** Sampling parameters; what is left out is the engine's own. */
export interface Options {
	temperature?: number;
	top_p?: number;
	top_k?: number;
	min_p?: number;
	max_tokens?: number;
	seed?: number;
	presence_penalty?: number;
	frequency_penalty?: number;
	stop?: string | string[];
}

/** What holds for all answers of a conversation. */
export interface Settings {
	options: Options;
	/** Comes after the server's own. */
	system_prompt: string | null;
}

export interface Folder {
	id: string;
	name: string;
	created_at: number;
}

export interface ConversationInput {
	title?: string;
	server_id?: string;
	pinned?: boolean;
	archived?: boolean;
	folder_id?: string | null;
	leaf_id?: string;
	options?: Options;
	system_prompt?: string | null;
}

/** What can be done to many conversations in one go. */
export type BulkChange =
	{ set: Pick<ConversationInput, 'pinned' | 'archived' | 'folder_id'> } | { delete: true };

export interface SearchHit {
	conversation_id: string;
	title: string;
	archived: boolean;
	/** Null: the title has the words. */
	message_id: string | null;
	role: 'user' | 'assistant' | null;
	at: number;
	snippet: { text: string; hit: boolean }[];
}

export interface ImportResult {
	conversations: number;
	messages: number;
	attachments: number;
	folders: number;
	/** Conversations that were there already. */
	skipped: number;
}

export type ExportFormat = 'json' | 'markdown';

export type ContentPart =
	| { type: 'text'; text: string }
	| { type: 'image_url'; image_url: { url: string } }
	/** `id` is the text; `original_id` the PDF that it was taken from. */
	| { type: 'file'; file: { id: string; name: string; original_id?: string } };

/** As OpenAI's API has it; `arguments` is JSON as text. */
export interface ToolCall {
	id?: string;
	type?: string;
	function?: { name?: string; arguments?: string };
}

/** A piece of a tool call, as it comes in a stream. */
export interface ToolCallDelta extends ToolCall {
	/** Which call it belongs to; without it, the one before. */
	index?: number;
}

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
	/** From the first token of the reasoning to the first of the answer. */
	reasoning_ms: number | null;
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
	tool_calls: ToolCall[] | null;
	/** Of the generation. */
	options: Options | null;
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
	/** Mode retry: another answer is made while this generation is the newest. */
	instead_of?: string;
	/** For this answer; wins, field by field, over the conversation's. */
	options?: Options;
	/** Of the conversation that this message makes. */
	settings?: Settings;
}

export interface QueuedMessageInput {
	conversation_id: string;
	parent_id: string | null;
	content: Content;
	server: string;
	state: 'queued';
}

/** What became of one request. */
export interface ActivityRecord {
	id: number;
	/** Its end. */
	at: number;
	request_id: string;
	user_id: string | null;
	user: string | null;
	key_id: string | null;
	key: string | null;
	server_id: string | null;
	server: string | null;
	model: string | null;
	route: string;
	/** Null: the client left before there was one. */
	status: number | null;
	code: string | null;
	stream: boolean;
	client_gone: boolean;
	held_ms: number;
	first_ms: number | null;
	total_ms: number;
	tokens_in: number | null;
	tokens_out: number | null;
	tokens_per_s: number | null;
	bytes_in: number;
	bytes_out: number;
}

/** One number a part of the time in each list. */
export interface ActivitySeries {
	step_ms: number;
	at: number[];
	requests: number[];
	errors: number[];
	tokens_in: number[];
	tokens_out: number[];
	first_p50_ms: (number | null)[];
	first_p95_ms: (number | null)[];
	held_p50_ms: (number | null)[];
	held_p95_ms: (number | null)[];
}

export interface ActivityFilter {
	server?: string;
	user?: string;
	outcome?: string;
	q?: string;
	from?: number;
	to?: number;
}

/** The events of GET /api/events and what each carries. */
export interface LiveEvents {
	server: Server;
	server_removed: { id: string };
	generation: Generation;
	conversation: Conversation;
	conversation_removed: { id: string };
	/** A message that was not answered is changed or taken back. */
	message_changed: { id: string };
	/** With everything below it. */
	message_removed: { id: string };
	folder: Folder;
	folder_removed: { id: string };
	/** There are new records of requests. */
	activity: Record<string, never>;
	/** An import has ended: read the list again. */
	imported: Record<string, never>;
	/** Whether the configuration file is in force has changed. */
	config: { is_in_force: boolean };
	reset: Record<string, never>;
}
