/**
 * What is being written in a conversation's composer: text and files. Kept in localStorage, so
 * that neither a reload nor a walk to another page loses it. Files upload once, when they are added.
 */
import { api, ApiError } from '$lib/api/client';
import type { Content, ContentPart } from '$lib/api/types';
import { browserStorage } from './unsent';
import { uuid } from './uuid';

export const MAX_FILE_BYTES = 32 * 1024 * 1024;
const IMAGES: ReadonlySet<string> = new Set(['image/png', 'image/jpeg', 'image/webp', 'image/gif']);
const TEXT_TYPES = /^(text\/|application\/(json|xml|yaml|toml|javascript|sql|graphql)\b)/;
/** Statuses that another try would meet again. */
const REFUSALS: ReadonlySet<number> = new Set([400, 413, 415]);
/** Enough to see whether a file of unknown type is text. */
const SNIFF_BYTES = 8192;

export const ACCEPT = [...IMAGES, 'text/*', 'application/json', '.md', '.log', '.csv'].join(',');

export class DraftFile {
	readonly key = uuid();
	readonly name: string;
	readonly mime: string;
	readonly sizeBytes: number;
	/** Set when hob has it. */
	id = $state<string | null>(null);
	error = $state<string | null>(null);
	/** hob cannot use it; trying again changes nothing. */
	refused = $state(false);
	readonly #file: File | null;

	constructor(file: File | { name: string; mime: string; size: number; id: string }) {
		this.name = file.name;
		this.sizeBytes = file.size;
		if (file instanceof File) {
			this.mime = file.type || 'text/plain';
			this.#file = file;
		} else {
			this.mime = file.mime;
			this.id = file.id;
			this.#file = null;
		}
	}

	get isImage(): boolean {
		return IMAGES.has(this.mime);
	}
	get uploading(): boolean {
		return this.id === null && this.error === null;
	}

	async upload(): Promise<void> {
		if (!this.#file) return;
		this.error = null;
		try {
			const problem = await refusal(this.#file);
			if (problem) {
				this.error = problem;
				this.refused = true;
				return;
			}
			const typed =
				this.isImage || TEXT_TYPES.test(this.#file.type)
					? this.#file
					: new File([this.#file], this.name, { type: 'text/plain' });
			this.id = (await api.upload(typed)).id;
		} catch (e) {
			this.error = e instanceof ApiError ? e.message : 'The upload failed';
			this.refused = e instanceof ApiError && REFUSALS.has(e.status);
		}
	}
}

/** Why hob cannot use this file; null when it can. */
export async function refusal(file: File): Promise<string | null> {
	if (file.size > MAX_FILE_BYTES) return 'Larger than 32 MB';
	if (file.size === 0) return 'The file is empty';
	if (IMAGES.has(file.type) || TEXT_TYPES.test(file.type)) return null;
	const head = new Uint8Array(await file.slice(0, SNIFF_BYTES).arrayBuffer());
	return head.includes(0) ? 'Not an image or a text file' : null;
}

interface Kept {
	text: string;
	files: { name: string; mime: string; size: number; id: string }[];
}

export class Draft {
	text = $state('');
	files = $state.raw<DraftFile[]>([]);
	/** Send was pressed while files were uploading or no server was known yet; it goes out when it can. */
	sendSoon = $state(false);
	#key: string;

	constructor(key: string) {
		this.#key = key;
		try {
			const kept = JSON.parse(browserStorage()?.getItem(key) ?? 'null') as Kept | null;
			if (typeof kept?.text === 'string') this.text = kept.text;
			if (Array.isArray(kept?.files)) this.files = kept.files.map((f) => new DraftFile(f));
		} catch {
			// An unreadable draft is no draft.
		}
	}

	get empty(): boolean {
		return !this.text.trim() && this.files.length === 0;
	}
	get uploading(): boolean {
		return this.files.some((f) => f.uploading);
	}

	setText(text: string): void {
		this.text = text;
		this.keep();
	}

	async add(files: Iterable<File>): Promise<void> {
		const added = [...files].map((f) => new DraftFile(f));
		this.files = [...this.files, ...added];
		await Promise.all(added.map((f) => f.upload()));
		this.keep();
	}

	async retry(file: DraftFile): Promise<void> {
		await file.upload();
		this.keep();
	}

	drop(file: DraftFile): void {
		this.files = this.files.filter((f) => f !== file);
		this.keep();
	}

	/** The content as hob takes it; files that could not be uploaded stay behind in the draft. */
	take(): Content {
		const text = this.text.trim();
		const sent = this.files.filter((f) => f.id !== null);
		this.text = '';
		this.files = this.files.filter((f) => f.id === null);
		this.sendSoon = false;
		this.keep();
		if (sent.length === 0) return text;
		const parts: ContentPart[] = sent.map((f) =>
			f.isImage
				? { type: 'image_url', image_url: { url: `attachment:${f.id ?? ''}` } }
				: { type: 'file', file: { id: f.id ?? '', name: f.name } }
		);
		return text ? [{ type: 'text', text }, ...parts] : parts;
	}

	/** Puts it under another name: the new chat's draft becomes that of its conversation. */
	rename(key: string): void {
		browserStorage()?.removeItem(this.#key);
		this.#key = key;
		this.keep();
	}

	keep(): void {
		const kept: Kept = {
			text: this.text,
			files: this.files
				.filter((f) => f.id !== null)
				.map((f) => ({ name: f.name, mime: f.mime, size: f.sizeBytes, id: f.id ?? '' }))
		};
		try {
			if (this.empty) browserStorage()?.removeItem(this.#key);
			else browserStorage()?.setItem(this.#key, JSON.stringify(kept));
		} catch {
			// Storage is full or forbidden: the draft lives as long as the page.
		}
	}
}
