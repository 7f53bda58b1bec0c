/**
 * One turn of a conversation: the user's message and the answers to it. Holds what the screen
 * shows; sender.ts and follower.ts change it, chat.svelte.ts orders it.
 */
import type { Content, MessageError } from '$lib/api/types';
import { Answer } from './answer.svelte';
import { contentText } from './contents';
import type { Standing } from './queue';
import type { RetryState } from './retry';

export { Answer, isActive, type Joining } from './answer.svelte';

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
	/** The message that it follows; hob's word for it, once hob has it. */
	parentId: string | null = null;
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
	/** The answer on the screen; null: the newest. */
	shownId = $state<string | null>(null);
	/** All messages that were sent in this place, by id, oldest first; itself among them. */
	versions = $state.raw<readonly string[]>([]);
	/** The editor is open. */
	editing = $state(false);
	/** Deleted, can be undone for a moment. */
	removing = $state(false);
	/** Edited since hob stored it. */
	dirty = false;
	/** Stop was pressed while hob may have begun to answer, with this generation; '': with one not heard of yet. */
	stopWanted: { generationId: string } | null = null;

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
		return this.answers.find((a) => a.id === this.shownId) ?? this.newest;
	}
	/** Index of the answer on the screen. */
	get shown(): number {
		return Math.max(0, this.answers.indexOf(this.answer as Answer));
	}

	get phase(): Phase {
		return this.phaseWith(this.answer);
	}
	get standing(): Standing {
		return this.standingWith(this.answer);
	}

	/** Another answer is under way or waits its turn, shown or not. */
	get working(): boolean {
		const standing = this.standingWith(this.newest);
		return standing === 'busy' || standing === 'queued';
	}

	/** What is under way concerns the newest answer; where an older one is shown, only that counts. */
	phaseWith(answer: Answer | undefined): Phase {
		const older = answer && answer !== this.newest ? answer : undefined;
		if (older) return answerPhase(older);
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
				return this.newest ? answerPhase(this.newest) : 'unsent';
		}
	}

	standingWith(answer: Answer | undefined): Standing {
		switch (this.phaseWith(answer)) {
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

	/** Stop was meant for this generation too. */
	isUnwanted(generationId: string): boolean {
		return (
			this.stopWanted !== null && (this.stopWanted.generationId || generationId) === generationId
		);
	}

	/** The answer with this id, made when it is not there. */
	answerFor(answerId: string): Answer {
		const known = this.answers.find((a) => a.id === answerId);
		if (known) return known;
		const made = new Answer(answerId);
		// An empty answer of a failed try leaves no trace.
		this.answers = [...this.answers.filter((a) => !a.empty), made];
		return made;
	}
	/** The same for one that hob lists: also an empty one may have messages behind it. */
	listedAnswer(answerId: string): Answer {
		const known = this.answers.find((a) => a.id === answerId);
		if (known) return known;
		const made = new Answer(answerId);
		this.answers = [...this.answers, made];
		return made;
	}
}

function answerPhase(answer: Answer): Phase {
	switch (answer.state) {
		case 'queued':
			return 'outbox';
		case 'connecting':
			return 'waiting';
		case 'failed':
		case 'interrupted':
			return answer.empty ? 'unsent' : answer.state;
		default:
			return answer.state;
	}
}
