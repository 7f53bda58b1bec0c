/**
 * What hob keeps of a conversation beside its messages and the page may change: the shown path, the
 * settings, the server. Changes show at once; what hob refuses is taken back, with a word about it.
 */
import { api, mayPass } from '$lib/api/client';
import type { Conversation, ConversationInput, Settings } from '$lib/api/types';
import { Keepsake } from '$lib/storage';
import { pauseAfter } from './patience';

export const NO_SETTINGS: Settings = { options: {}, system_prompt: null };

/** What hob changes by itself, without the other. */
const CHANGEABLE = ['options', 'system_prompt'] as const;

const textOf = (value: unknown): string | undefined =>
	JSON.stringify(value, value instanceof Object ? Object.keys(value).sort() : undefined);
/** The order of options means nothing. */
const same = (a: unknown, b: unknown): boolean => textOf(a) === textOf(b);

/** `theirs` with what was changed from `base` to `mine`, field by field. */
export function merged(theirs: Settings, base: Settings, mine: Settings): Settings {
	const options: Record<string, unknown> = { ...theirs.options };
	const was: Record<string, unknown> = { ...base.options };
	const is: Record<string, unknown> = { ...mine.options };
	for (const key of Object.keys({ ...was, ...is }))
		if (!same(was[key], is[key])) {
			if (key in is) options[key] = is[key];
			else Reflect.deleteProperty(options, key);
		}
	const kept = same(base.system_prompt, mine.system_prompt);
	return { options, system_prompt: (kept ? theirs : mine).system_prompt };
}

interface Move {
	leafId: string;
	onRefused: () => void;
}

export class Kept {
	settings = $state.raw<Settings>(NO_SETTINGS);
	/** The server for the next message; null: not chosen here. */
	serverId = $state<string | null>(null);
	/** hob could not take the settings yet; it is asked again. */
	unsaved = $state(false);
	/** What could not be changed, for people; null: nothing. */
	notice = $state<string | null>(null);

	readonly #id: string;
	/** hob has this conversation. */
	#known = false;
	/** What hob has of its settings is known. */
	#isRead = false;
	/** How often hob took settings: what was asked for before may be older. */
	#version = 0;
	#hobServer: string | null = null;
	/** As hob has them. */
	#hobSettings: Settings = NO_SETTINGS;
	/** Those that the message which makes the conversation took along. */
	#sentSettings: Settings | undefined;
	/** Settings that hob does not have yet: no reload loses them. */
	readonly #unsaved: Keepsake<Settings & { base?: Settings }>;
	#saving: Promise<void> | null = null;
	#wanted: Move | null = null;
	#moving: Promise<void> | null = null;
	/** Raised when a move begins and when it ends: what hob was asked about the path before is out of date. */
	moves = 0;
	readonly #control = new AbortController();

	/** `key`: where settings wait in this browser's storage. */
	constructor(conversationId: string, key: string) {
		this.#id = conversationId;
		this.#unsaved = new Keepsake(key);
		const { options, system_prompt, base } = this.#unsaved.read() ?? {};
		if (!options || typeof options !== 'object') return;
		this.settings = { options, system_prompt: system_prompt ?? null };
		if (base) this.#hobSettings = base;
	}

	/** A move along the tree is on its way to hob: its word about the path is out of date. */
	get moving(): boolean {
		return this.#moving !== null;
	}
	/** Something is on its way to hob. */
	get busy(): boolean {
		return this.#moving !== null || this.#saving !== null;
	}

	/** Goes with a question to hob; its answer is taken with what stood here by then. */
	get version(): number {
		return this.#version;
	}

	/** Takes what hob says; settings that were asked for before others were saved are passed over. */
	take(conversation: Conversation, settings?: Settings, version = this.#version): void {
		this.#known = true;
		this.#hobServer = conversation.server_id;
		this.serverId ??= conversation.server_id;
		if (!settings || this.#saving || version !== this.#version) return;
		this.#isRead = true;
		const before = this.#hobSettings;
		this.#hobSettings = settings;
		if (this.settings === before) this.settings = settings;
		// Chosen before it was known what hob has: only that is newer than hob's own.
		else void this.saveSettings(merged(settings, before, this.settings));
	}

	/** What the message that makes the conversation brings along; undefined: hob has it already. */
	firstSettings(): Settings | undefined {
		if (this.#known || this.settings === NO_SETTINGS) return undefined;
		return (this.#sentSettings = this.settings);
	}

	/** hob has the conversation from now on; `sent`: by a message that took the settings along. */
	onStored(serverId: string, sent: boolean): void {
		const first = !this.#known;
		this.#known = true;
		this.#hobServer = serverId;
		if (!first) return;
		this.#isRead = true;
		if (sent && this.#sentSettings) this.#hobSettings = this.#sentSettings;
		if (this.settings !== this.#hobSettings) void this.saveSettings(this.settings);
		else this.#unsaved.clear();
	}

	/** The conversation has a name of its own now; what waits for hob does so under another key. */
	rename(key: string): void {
		this.#unsaved.rename(key);
		if (this.settings !== this.#hobSettings) this.#write();
	}

	#write(): void {
		this.#unsaved.write({ ...this.settings, base: this.#hobSettings });
	}

	/**
	 * Resolves when hob has them, or has refused them: then they are taken back. Never throws. While hob
	 * cannot be reached it is asked again; the newest ones count.
	 */
	async saveSettings(settings: Settings): Promise<void> {
		this.settings = settings;
		this.#write();
		if (!this.#isRead) return;
		if (!this.#saving && CHANGEABLE.every((key) => same(settings[key], this.#hobSettings[key]))) {
			this.settings = this.#hobSettings;
			this.#unsaved.clear();
			return;
		}
		this.#saving ??= this.#save();
		await this.#saving;
	}

	async #save(): Promise<void> {
		let failures = 0;
		/** Of a call without an answer it is not known what hob took: what it had goes out again. */
		let input: Partial<Settings> = {};
		while (!this.#control.signal.aborted) {
			const { settings } = this;
			// Only what was changed: the rest may be another in hob by now, from another tab.
			for (const key of CHANGEABLE)
				if (key in input || !same(settings[key], this.#hobSettings[key]))
					input = { ...input, [key]: settings[key] };
			try {
				if (Object.keys(input).length > 0) {
					const answer = await api.updateConversation(this.#id, input);
					this.#version++;
					if (this.settings !== settings)
						this.settings = merged(answer.settings, settings, this.settings);
					this.#hobSettings = answer.settings;
					input = {};
				}
				if (this.unsaved) this.notice = null;
				failures = 0;
				this.unsaved = false;
			} catch (e) {
				if (mayPass(e)) {
					// Once: who dismissed it has read it.
					if (!this.unsaved)
						this.#say('The settings are not saved yet', e, 'They are sent again until they are.');
					this.unsaved = true;
					await pauseAfter(failures++, this.#control.signal);
					continue;
				}
				this.unsaved = false;
				this.#say('The settings were not saved', e);
			}
			// Typed on meanwhile: the newer ones go out next.
			if (this.settings !== settings) continue;
			this.settings = this.#hobSettings;
			this.#unsaved.clear();
			break;
		}
		this.#saving = null;
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
		this.moves++;
		this.#wanted = { leafId, onRefused };
		this.#moving ??= this.#move();
	}

	async #move(): Promise<void> {
		for (let wish = this.#wanted; wish; wish = this.#wanted) {
			let refusal: unknown = null;
			await this.#patch({ leaf_id: wish.leafId }).catch((e: unknown) => (refusal = e));
			const last: Move = this.#wanted ?? wish;
			if (last.leafId !== wish.leafId) continue;
			this.#wanted = null;
			if (refusal === null) continue;
			this.#say(
				'The other version could not be shown',
				refusal,
				mayPass(refusal) ? 'Try again in a moment.' : ''
			);
			last.onRefused();
		}
		this.moves++;
		this.#moving = null;
	}

	/** What is not saved by now stays in this browser. */
	close(): void {
		this.#control.abort();
	}

	#patch(input: ConversationInput): Promise<unknown> {
		return api.updateConversation(this.#id, input);
	}

	#say(what: string, e: unknown, help = ''): void {
		const why = e instanceof Error ? e.message : String(e);
		this.notice = `${what}: ${why}. ${help}`.trim();
	}
}
