/**
 * One answer: what was stored of it and what its running generation adds. follower.ts feeds it,
 * the screen shows it.
 */
import type {
	AnswerMeta,
	GenerationState,
	Message,
	MessageError,
	Options,
	ToolCall,
	ToolCallDelta
} from '$lib/api/types';
import { contentText } from './contents';
import { onceAFrame } from './frame';
import { splitThink } from './think';
import { addToolCalls } from './toolcalls';

/** Reasoning that took less was replayed: the clock says nothing about it. */
const REPLAYED_MS = 150;
/** How often the time of a silent thinker is told. */
const THINK_TICK_MS = 1000;

/** Whether a generation writes a new answer or goes on with the text that is there. */
export type Joining = 'replace' | 'append';

export function isActive(state: GenerationState): boolean {
	return state === 'queued' || state === 'connecting' || state === 'streaming';
}

export class Answer {
	readonly id: string;
	generationId = $state('');
	state = $state<GenerationState>('connecting');
	/** The answer without its reasoning. */
	text = $state('');
	reasoning = $state('');
	/** Reasoning is being written, the answer has not begun. */
	thinking = $state(false);
	/** How long it thought, or has been thinking; null: did not, or not known. */
	reasoningMs = $state<number | null>(null);
	/** Tools that the model asks for. */
	toolCalls = $state.raw<ToolCall[]>([]);
	error = $state.raw<MessageError | null>(null);
	meta = $state.raw<AnswerMeta | null>(null);
	/** The parameters that it was made with; null: not known. */
	options = $state.raw<Options | null>(null);
	serverId = $state<string | null>(null);
	createdAt = $state(Date.now());
	/** The connection that carries the stream broke and is being made again. */
	lost = $state(false);
	/** What hob says while nothing is written yet, such as "1 ahead of you". */
	note = $state('');
	/** The editor is open. */
	editing = $state(false);
	/** Number of the last event that was applied. */
	lastId = 0;

	#stored = '';
	#storedReasoning = '';
	#storedTools: ToolCall[] = [];
	#content = '';
	#reasoning = '';
	/** All of them: events say which one of the whole answer they go on with. */
	#tools: ToolCall[] = [];
	/** By performance.now(). */
	#thinkingSince: number | null = null;
	#ticking = false;

	constructor(id: string) {
		this.id = id;
	}

	get empty(): boolean {
		return !this.text && !this.reasoning && this.toolCalls.length === 0;
	}
	/** No model wrote it as it stands: the user changed another answer. */
	get edited(): boolean {
		return this.generationId === '' && this.state === 'done';
	}
	/** It is part of the conversation: ended, with something in it. */
	get settled(): boolean {
		return !this.empty && !isActive(this.state);
	}

	/** Prepares for the events of a generation from number 1 on. */
	beginGeneration(generationId: string, joining: Joining): void {
		if (this.generationId === generationId && this.lastId > 0 && isActive(this.state)) return;
		if (joining === 'replace') {
			this.#stored = this.#storedReasoning = '';
			this.#storedTools = [];
		} else if (this.generationId !== generationId) {
			this.#stored += this.#content;
			this.#storedReasoning += this.#reasoning;
			this.#storedTools = this.#tools;
		}
		this.rewind();
		this.generationId = generationId;
		this.error = null;
		this.note = '';
		if (!isActive(this.state)) this.state = 'connecting';
	}

	/**
	 * Reads its events from the first on again. After a crash hob's log may be shorter than what was
	 * read of it, and ends before the place from which more is asked for.
	 */
	rewind(): void {
		this.#content = '';
		this.#reasoning = '';
		this.#tools = this.#storedTools;
		this.#thinkingSince = null;
		this.lastId = 0;
	}

	append(content: string, reasoning: string, tools: readonly ToolCallDelta[] = []): void {
		this.#content += content;
		this.#reasoning += reasoning;
		if (tools.length > 0) this.#tools = addToolCalls(this.#tools, tools);
		this.note = '';
		this.state = 'streaming';
		onceAFrame(this.flush);
	}

	/** Brings all text that has come to the screen now. */
	flush = (): void => {
		const split = splitThink(this.#stored + this.#content, !isActive(this.state));
		const reasoning = this.#storedReasoning + this.#reasoning;
		this.text = split.content;
		this.reasoning =
			reasoning && split.reasoning
				? `${reasoning}\n\n${split.reasoning}`
				: reasoning || split.reasoning;
		this.toolCalls = this.#tools;
		this.thinking =
			isActive(this.state) && !split.content && (split.thinking || reasoning.length > 0);
		this.#clockThinking();
	};

	/** hob says the exact time at the end. */
	#clockThinking(): void {
		const now = performance.now();
		if (this.thinking) {
			this.#thinkingSince ??= now;
			this.reasoningMs = now - this.#thinkingSince;
			if (!this.#ticking) {
				this.#ticking = true;
				setTimeout(() => {
					this.#ticking = false;
					if (this.thinking) this.#clockThinking();
				}, THINK_TICK_MS);
			}
		} else if (this.#thinkingSince !== null) {
			const took = now - this.#thinkingSince;
			this.reasoningMs = took < REPLAYED_MS ? null : took;
			this.#thinkingSince = null;
		}
		if (this.meta && !isActive(this.state)) this.reasoningMs = this.meta.reasoning_ms ?? null;
	}

	end(state: GenerationState, error: MessageError | null, meta: AnswerMeta | null): void {
		this.state = state;
		this.error = error;
		if (meta) this.meta = meta;
		this.lost = false;
		this.note = '';
		this.flush();
	}

	/**
	 * Takes what hob has stored; not for an answer whose stream is being read. Of one that is being
	 * written, that is the text from before its running generation.
	 */
	takeStored(message: Message): void {
		this.#stored = contentText(message.content);
		this.#storedReasoning = message.reasoning ?? '';
		this.#storedTools = message.tool_calls ?? [];
		this.rewind();
		this.generationId = message.generation_id ?? '';
		this.state = message.state as GenerationState;
		this.error = message.error;
		this.meta = message.meta;
		this.options = message.options;
		this.serverId = message.server_id;
		this.createdAt = message.created_at;
		this.reasoningMs = null;
		this.flush();
	}
}
