/**
 * Drives the retry machine for one message: performs its actions (requests, timers) and feeds it
 * what happens (answers, engine news, log-in). Holds no rule of its own about what is retried.
 */
import { ApiError, isAbort } from '$lib/api/client';
import { openChat, type ChatReply } from '$lib/api/stream';
import type {
	ChatRequest,
	Generation,
	GenerationState,
	MessageError,
	SendMode,
	Settings
} from '$lib/api/types';
import { Follower } from './follower';
import { begin, step, type Failure, type RetryAction, type RetryEvent } from './retry';
import { servers } from './servers.svelte';
import { session } from './session.svelte';
import { isActive, type Answer, type Joining, type Turn } from './turn.svelte';

export interface SenderHooks {
	/** The message that this one is sent behind. */
	parentOf(turn: Turn): string | null;
	/** What the conversation that this message makes begins with. */
	settings(): Settings | undefined;
	/** hob has stored the message. */
	onStored(turn: Turn): void;
	/** A generation writes this answer, perhaps a new one. */
	onAnswer(turn: Turn, answer: Answer): void;
	/** The turn no longer needs its sender: answered, failed or stopped. */
	onSettled(turn: Turn): void;
}

/** Codes that hob gives only after it has stored the message. */
function provesStored(e: ApiError): boolean {
	return e.code !== null && (e.code.startsWith('engine_') || e.code === 'bad_gateway');
}

function requestFailure(e: unknown): Failure {
	if (e instanceof ApiError)
		return {
			status: e.status,
			code: e.code,
			message: e.message,
			from: 'request',
			engine: e.engine,
			retryAfterS: e.retryAfterS
		};
	return {
		status: 0,
		code: 'network',
		message: e instanceof Error ? e.message : String(e),
		from: 'request',
		engine: null
	};
}

function streamFailure(error: MessageError): Failure {
	return {
		status: 200,
		code: error.code,
		message: error.message,
		from: 'stream',
		retryable: error.retryable,
		engine: null
	};
}

export class Sender {
	readonly #turn: Turn;
	readonly #hooks: SenderHooks;
	readonly #mode: SendMode;
	readonly #conversationId: string;
	/** The newest generation when the user asked for another answer. */
	readonly #insteadOf: string;
	#request: AbortController | undefined;
	#timer: ReturnType<typeof setTimeout> | undefined;
	#follower: Follower | undefined;
	/** The one that is being written. */
	#answer: Answer | undefined;
	#closed = false;
	readonly #undo: (() => void)[] = [];

	constructor(turn: Turn, conversationId: string, mode: SendMode, hooks: SenderHooks) {
		this.#turn = turn;
		this.#conversationId = conversationId;
		this.#mode = mode;
		this.#hooks = hooks;
		this.#insteadOf = turn.answers.findLast((a) => a.generationId)?.generationId ?? '';
	}

	start(): void {
		this.#undo.push(
			servers.onEngine((server, before) => {
				if (server.id !== this.#turn.serverId || before === null) return;
				if (server.engine.state === 'ready') this.#feed({ name: 'engine_ready' });
				else if (server.engine.state === 'failed')
					this.#feed({
						name: 'engine_failed',
						failure: {
							status: 409,
							code: 'engine_failed',
							message: server.engine.failure?.reason ?? 'The engine failed',
							from: 'request',
							engine: server.engine
						}
					});
			}),
			session.onSignedIn(() => this.#feed({ name: 'signed_in' }))
		);
		const first = begin();
		this.#turn.error = null;
		this.#turn.stopWanted = null;
		this.#turn.cycle = first.state;
		this.#perform(first.actions);
	}

	/** Follows a generation that hob runs already (after a reload, or begun by another tab). */
	attach(generation: Pick<Generation, 'id' | 'answer_id'>): void {
		this.#follow(generation.id, generation.answer_id, 'append', null);
	}

	/** News of a generation; a tab that does not read along at the moment needs them. */
	onGeneration(g: Generation): void {
		const answer = this.#answer;
		if (answer?.generationId !== g.id) return;
		if (!isActive(g.state)) this.#follower?.wake();
		else if (answer.state === 'queued') {
			answer.state = g.state;
			if (g.state !== 'queued') this.#follower?.wake();
		}
	}

	stop(): void {
		if (this.#turn.cycle && this.#turn.cycle.name !== 'streaming') {
			if (this.#turn.cycle.name === 'sending') this.#turn.stopWanted = { generationId: '' };
			this.#feed({ name: 'stop' });
		} else this.#follower?.stop();
	}

	/** Lets go of everything; what runs in hob goes on. */
	close(): void {
		this.#closed = true;
		this.#request?.abort();
		clearTimeout(this.#timer);
		this.#follower?.detach();
		for (const undo of this.#undo.splice(0)) undo();
	}

	#feed(event: RetryEvent): void {
		if (this.#closed || !this.#turn.cycle) return;
		const { state, actions } = step(this.#turn.cycle, event);
		this.#turn.cycle = state;
		this.#perform(actions);
		switch (state.name) {
			case 'exhausted':
			case 'engine_failed':
			case 'refused':
			case 'stopped':
				this.close();
				this.#hooks.onSettled(this.#turn);
				break;
			case 'signed_out':
				this.#hooks.onSettled(this.#turn);
				break;
			default:
		}
	}

	#perform(actions: RetryAction[]): void {
		for (const action of actions)
			switch (action.name) {
				case 'request':
					void this.#send();
					break;
				case 'arm':
					clearTimeout(this.#timer);
					this.#timer = setTimeout(
						() => this.#feed({ name: 'due', now: performance.now() }),
						Math.max(0, Math.ceil(action.at - performance.now()))
					);
					break;
				case 'disarm':
					clearTimeout(this.#timer);
					break;
				case 'abort':
					this.#request?.abort();
					break;
				case 'stop_generation':
					this.#follower?.stop();
			}
	}

	async #send(): Promise<void> {
		const control = new AbortController();
		this.#request = control;
		try {
			const reply = await this.#post(control.signal);
			if (this.#closed) return;
			this.#accept(reply);
		} catch (e) {
			if (isAbort(e) || this.#closed) return;
			if (e instanceof ApiError && provesStored(e)) this.#hooks.onStored(this.#turn);
			this.#feed({ name: 'failed', failure: requestFailure(e), now: performance.now() });
		}
	}

	#post(signal: AbortSignal): Promise<ChatReply> {
		const turn = this.#turn;
		const request: ChatRequest = {
			conversation_id: this.#conversationId,
			message: {
				id: turn.id,
				parent_id: this.#hooks.parentOf(turn),
				content: turn.content
			},
			server: turn.serverId,
			mode: this.#mode
		};
		// Made another answer since: a repeated request joins it.
		if (this.#mode === 'retry' && this.#insteadOf) request.instead_of = this.#insteadOf;
		const settings = this.#hooks.settings();
		if (settings) request.settings = settings;
		return openChat(request, signal);
	}

	#accept(reply: ChatReply): void {
		this.#hooks.onStored(this.#turn);
		this.#turn.dirty = false;
		if (reply.kind === 'accepted') {
			const { generation } = reply;
			this.#turn.cycle = null;
			this.#follow(generation.id, generation.answer_id, 'replace', null, generation.state);
			return;
		}
		this.#feed({ name: 'headers' });
		this.#follow(
			reply.generationId,
			reply.answerId,
			this.#mode === 'continue' ? 'append' : 'replace',
			reply.events
		);
	}

	#follow(
		generationId: string,
		answerId: string,
		joining: Joining,
		steps: Parameters<Follower['run']>[0],
		state: GenerationState | null = null
	): void {
		const turn = this.#turn;
		const isNew = turn.answers.every((a) => a.id !== answerId);
		const answer = turn.answerFor(answerId);
		this.#answer = answer;
		answer.beginGeneration(generationId, joining);
		if (state) answer.state = state;
		if (isNew) this.#hooks.onAnswer(turn, answer);
		const request = this.#request;
		const follower = new Follower(
			answer,
			{
				onToken: () => {
					turn.error = null;
					this.#feed({ name: 'token' });
					turn.cycle = null;
				},
				onFailedEarly: (error) => this.#failEarly(error),
				onEnd: () => this.#end()
			},
			() => request?.abort()
		);
		this.#follower = follower;
		void follower.run(steps);
	}

	#failEarly(error: MessageError): void {
		const answer = this.#answer;
		const inCycle = this.#turn.cycle !== null;
		answer?.end(answer.empty ? 'failed' : 'interrupted', error, null);
		if (!inCycle) {
			this.#turn.error = error;
			this.#end();
			return;
		}
		this.#feed({ name: 'failed', failure: streamFailure(error), now: performance.now() });
	}

	#end(): void {
		this.#turn.cycle = null;
		this.close();
		this.#hooks.onSettled(this.#turn);
	}
}
