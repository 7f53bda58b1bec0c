/**
 * What hob keeps of a conversation beside its messages and the page may change: the shown path, the
 * settings, the server. Changes show at once; what hob refuses is taken back, with a word about it.
 */
import { api, ApiError } from '$lib/api/client';
import type { Conversation, ConversationInput, Settings } from '$lib/api/types';

export const NO_SETTINGS: Settings = { options: {}, system_prompt: null };

/** Statuses that another try may get past. */
function mayPass(e: unknown): boolean {
	return e instanceof ApiError && (e.status === 0 || e.status === 401 || e.status >= 500);
}

export class Kept {
	settings = $state.raw<Settings>(NO_SETTINGS);
	/** The server for the next message; null: not chosen here. */
	serverId = $state<string | null>(null);
	/** What could not be changed, for people; null: nothing. */
	notice = $state<string | null>(null);

	readonly #id: string;
	/** hob has this conversation. */
	#known = false;
	#hobServer: string | null = null;
	/** As hob has them, or was sent them with the first message. */
	#hobSettings: Settings = NO_SETTINGS;
	#wantedLeaf: string | null = null;
	#moving: Promise<void> | null = null;
	#saving = 0;

	constructor(conversationId: string) {
		this.#id = conversationId;
	}

	/** A move along the tree is on its way to hob: its word about the path is out of date. */
	get moving(): boolean {
		return this.#moving !== null;
	}
	get known(): boolean {
		return this.#known;
	}

	/** Takes what hob says. */
	take(conversation: Conversation, settings?: Settings): void {
		this.#known = true;
		this.#hobServer = conversation.server_id;
		this.serverId ??= conversation.server_id;
		// Settings that were chosen before hob knew the conversation are newer than its own.
		if (!settings || this.#saving > 0 || this.settings !== this.#hobSettings) return;
		this.#hobSettings = this.settings = settings;
	}

	/** What the message that makes the conversation brings along; undefined: hob has it already. */
	firstSettings(): Settings | undefined {
		if (this.#known || this.settings === NO_SETTINGS) return undefined;
		this.#hobSettings = this.settings;
		return this.settings;
	}

	/** hob has the conversation from now on. */
	onStored(serverId: string): void {
		const first = !this.#known;
		this.#known = true;
		this.#hobServer = serverId;
		if (first && this.settings !== this.#hobSettings) void this.saveSettings(this.settings);
	}

	/** Never throws: what hob refuses is taken back and said in `notice`. */
	async saveSettings(settings: Settings): Promise<void> {
		this.settings = settings;
		if (!this.#known) return;
		this.#saving++;
		try {
			const answer = await api.updateConversation(this.#id, { ...settings });
			this.#hobSettings = answer.settings;
			// Typed on meanwhile: the newer ones are on their way.
			if (this.settings === settings) this.settings = answer.settings;
		} catch (e) {
			if (this.settings === settings) this.settings = this.#hobSettings;
			this.#say('The settings were not saved', e);
		} finally {
			this.#saving--;
		}
	}

	chooseServer(serverId: string): void {
		this.serverId = serverId;
		if (!this.#known || this.#hobServer === serverId) return;
		const before = this.#hobServer;
		this.#hobServer = serverId;
		// The next message says it again.
		void this.#patch({ server_id: serverId }).catch(() => {
			if (this.#hobServer === serverId) this.#hobServer = before;
		});
	}

	/** Moves the shown path; one call at a time, the last wish counts. `onRefused` undoes it. */
	moveTo(leafId: string, onRefused: () => void): void {
		this.#wantedLeaf = leafId;
		this.#moving ??= this.#move(onRefused);
	}

	async #move(onRefused: () => void): Promise<void> {
		for (let leafId = this.#wantedLeaf; leafId !== null; leafId = this.#wantedLeaf) {
			let refusal: unknown = null;
			await this.#patch({ leaf_id: leafId }).catch((e: unknown) => (refusal = e));
			if (this.#wantedLeaf !== leafId) continue;
			this.#wantedLeaf = null;
			if (refusal === null) continue;
			this.#say('The other version could not be shown', refusal);
			onRefused();
		}
		this.#moving = null;
	}

	#patch(input: ConversationInput): Promise<unknown> {
		return api.updateConversation(this.#id, input);
	}

	#say(what: string, e: unknown): void {
		const why = e instanceof Error ? e.message : String(e);
		this.notice = `${what}: ${why}.${mayPass(e) ? ' Try again in a moment.' : ''}`;
	}
}
