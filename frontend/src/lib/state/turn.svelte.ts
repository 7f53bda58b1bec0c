/**
 * One turn of a conversation: the user's message and the answers to it. Holds what the screen
 * shows; sender.ts and follower.ts change it, chat.svelte.ts orders it.
 */
import type { AnswerMeta, Content, GenerationState, Message, MessageError } from '$lib/api/types';
import { onceAFrame } from './frame';
import type { Standing } from './queue';
import type { RetryState } from './retry';
import { splitThink } from './think';

/** Whether a generation writes a new answer or goes on with the text that is there. */
export type Joining = 'replace' | 'append';

export function isActive(state: GenerationState): boolean {
	return state === 'queued' || state === 'connecting' || state === 'streaming';
}

export function contentText(content: Content): string {
	if (typeof content === 'string') return content;
	return content
		.filter((p) => p.type === 'text')
		.map((p) => p.text)
		.join('\n');
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
	error = $state.raw<MessageError | null>(null);
	meta = $state.raw<AnswerMeta | null>(null);
	/** The connection that carries the stream broke and is being made again. */
	lost = $state(false);
	/** What hob says while nothing is written yet, such as "1 ahead of you". */
	note = $state('');
	/** Number of the last event that was applied. */
	lastId = 0;

	#stored = '';
	#storedReasoning = '';
	#content = '';
	#reasoning = '';

	constructor(id: string) {
		this.id = id;
	}

	get empty(): boolean {
		return !this.text && !this.reasoning;
	}

	/** Prepares for the events of a generation from number 1 on. */
	beginGeneration(generationId: string, joining: Joining): void {
		if (this.generationId === generationId && this.lastId > 0 && isActive(this.state)) return;
		this.#stored = joining === 'replace' ? '' : this.#stored + this.#content;
		this.#storedReasoning = joining === 'replace' ? '' : this.#storedReasoning + this.#reasoning;
		this.#content = '';
		this.#reasoning = '';
		this.generationId = generationId;
		this.lastId = 0;
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
		this.lastId = 0;
	}

	append(content: string, reasoning: string): void {
		this.#content += content;
		this.#reasoning += reasoning;
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
		this.thinking =
			isActive(this.state) && !split.content && (split.thinking || reasoning.length > 0);
	};

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
		this.#content = '';
		this.#reasoning = '';
		this.lastId = 0;
		this.generationId = message.generation_id ?? '';
		this.state = message.state as GenerationState;
		this.error = message.error;
		this.meta = message.meta;
		this.flush();
	}
}

/**
 * queued: waits its turn. sending: the first request is out. connecting: the retry cycle runs.
 * waiting: hob has it, no token yet. outbox: hob sends it when the engine is ready.
 * unsent: not answered, needs Retry; `cycle` or `error` say why.
 */
export type Phase =
	| 'queued'
	| 'sending'
	| 'connecting'
	| 'waiting'
	| 'outbox'
	| 'streaming'
	| 'done'
	| 'stopped'
	| 'interrupted'
	| 'failed'
	| 'unsent';

export class Turn {
	readonly id: string;
	readonly createdAt: number;
	content = $state.raw<Content>('');
	/** Pinned when it was sent. */
	serverId = $state('');
	/** hob has it. */
	stored = $state(false);
	/** It waits behind others. */
	queued = $state(false);
	/** The send cycle; null before it and after an answer began. */
	cycle = $state.raw<RetryState | null>(null);
	/** Stored state after a reload: the error of the last try. */
	error = $state.raw<MessageError | null>(null);
	answers = $state.raw<Answer[]>([]);
	/** Index of the answer on the screen. */
	shown = $state(0);
	/** Deleted, can be undone for a moment. */
	removing = $state(false);
	/** Edited since hob stored it. */
	dirty = false;
	/** Stop was pressed while hob may have begun to answer. */
	stopWanted = false;

	constructor(id: string, createdAt: number) {
		this.id = id;
		this.createdAt = createdAt;
	}

	get text(): string {
		return contentText(this.content);
	}
	get newest(): Answer | undefined {
		return this.answers[this.answers.length - 1];
	}
	get answer(): Answer | undefined {
		return this.answers[this.shown] ?? this.newest;
	}

	get phase(): Phase {
		const cycle = this.cycle;
		if (this.queued && !cycle) return 'queued';
		switch (cycle?.name) {
			case 'sending':
				return cycle.attempt > 0 ? 'connecting' : 'sending';
			case 'waiting':
				return 'connecting';
			case 'open':
				return cycle.attempt > 0 ? 'connecting' : 'waiting';
			case 'exhausted':
			case 'engine_failed':
			case 'refused':
			case 'signed_out':
			case 'stopped':
				return 'unsent';
			case 'streaming':
			case undefined:
				return this.#answerPhase();
		}
	}

	#answerPhase(): Phase {
		const answer = this.newest;
		if (!answer) return 'unsent';
		switch (answer.state) {
			case 'queued':
				return 'outbox';
			case 'connecting':
				return 'waiting';
			case 'failed':
				return answer.empty ? 'unsent' : 'failed';
			default:
				return answer.state;
		}
	}

	get standing(): Standing {
		switch (this.phase) {
			case 'queued':
				return 'queued';
			case 'sending':
			case 'connecting':
			case 'waiting':
			case 'outbox':
			case 'streaming':
				return 'busy';
			case 'unsent':
			case 'interrupted':
			case 'failed':
				return 'failed';
			case 'done':
			case 'stopped':
				return 'settled';
		}
	}

	/** The answer with this id, made when it is not there; it becomes the shown one. */
	answerFor(answerId: string): Answer {
		let index = this.answers.findIndex((a) => a.id === answerId);
		if (index < 0) {
			// An empty answer of a failed try leaves no trace.
			this.answers = [...this.answers.filter((a) => !a.empty), new Answer(answerId)];
			index = this.answers.length - 1;
		}
		this.shown = index;
		return this.answers[index] as Answer;
	}
}
