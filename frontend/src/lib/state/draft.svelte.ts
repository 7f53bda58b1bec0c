/**
 * What is being written in a conversation's composer: text and files. Kept in localStorage, so
 * that neither a reload nor a walk to another page loses it. Files are made ready and uploaded
 * once, when they are added; the same file twice is there once.
 */
import { api, ApiError, isAbort } from '$lib/api/client';
import type { Content, ContentPart, SendMode, Server } from '$lib/api/types';
import { MAX_FILES, MAX_TEXT_BYTES, mebibytes, textBytes } from '$lib/attachments/limits';
import type { PdfProgress } from '$lib/attachments/pdf';
import { prepare, Refused, sameBytes, type Upload } from '$lib/attachments/prepare';
import { Keepsake } from '$lib/storage';
import { uuid } from '$lib/uuid';

/** How a message goes out. when_ready: hob keeps it and answers when the engine is ready. */
export type ComposerMode = Extract<SendMode, 'send' | 'when_ready'>;

/** Statuses that another try would meet again. */
const REFUSALS: ReadonlySet<number> = new Set([400, 413, 415]);

interface KeptFile {
	name: string;
	mime: string;
	size: number;
	id: string;
	/** The PDF that the text of `id` is from. */
	original?: string | null;
	note?: string;
}

export class DraftFile {
	readonly key = uuid();
	/** What was added; null after a reload. */
	readonly source: File | null;
	name = $state('');
	mime = $state('');
	sizeBytes = $state(0);
	/** What was done to it, in words. */
	note = $state('');
	/** Set when hob has it. */
	id = $state<string | null>(null);
	originalId: string | null = null;
	/** How far the reading of a PDF is. */
	reading = $state.raw<PdfProgress | null>(null);
	/** It is made ready, nothing goes out yet. */
	preparing = $state(false);
	error = $state<string | null>(null);
	/** hob cannot use it; trying again changes nothing. */
	refused = $state(false);
	#control = new AbortController();
	#upload: Upload | null = null;

	constructor(file: File | KeptFile) {
		this.name = file.name;
		this.sizeBytes = file.size;
		if (file instanceof File) {
			this.mime = file.type;
			this.source = file;
		} else {
			this.mime = file.mime;
			this.id = file.id;
			this.originalId = file.original ?? null;
			this.note = file.note ?? '';
			this.source = null;
		}
	}

	get isImage(): boolean {
		return this.mime.startsWith('image/');
	}
	get uploading(): boolean {
		return this.id === null && this.error === null;
	}

	/** Never throws; `error` says what went wrong, and `onfailed` hears of it before anybody else can see it. */
	async upload(onfailed: () => void): Promise<void> {
		const { source } = this;
		if (!source) return;
		const control = new AbortController();
		this.#control = control;
		this.error = null;
		try {
			this.preparing = true;
			this.#upload ??= await prepare(source, (p) => (this.reading = p), control.signal);
			this.#show(this.#upload);
			this.preparing = false;
			await this.#send(this.#upload, control.signal);
		} catch (e) {
			if (isAbort(e)) return;
			this.error = e instanceof Error && e.message ? e.message : 'The upload failed';
			this.refused = e instanceof Refused || (e instanceof ApiError && REFUSALS.has(e.status));
			onfailed();
		} finally {
			this.preparing = false;
			this.reading = null;
		}
	}

	/** Ends what is under way for it. */
	cancel(): void {
		this.#control.abort();
	}

	#show(upload: Upload): void {
		this.name = upload.file.name;
		this.mime = upload.file.type;
		this.sizeBytes = upload.file.size;
		this.note = upload.note;
	}

	async #send(upload: Upload, signal: AbortSignal): Promise<void> {
		if (upload.is === 'pdf') {
			this.originalId = (await api.upload(upload.file, signal)).id;
			this.id = (await api.upload(upload.text, signal)).id;
		} else this.id = (await api.upload(upload.file, signal)).id;
	}

	kept(): KeptFile | null {
		return this.id === null
			? null
			: {
					name: this.name,
					mime: this.mime,
					size: this.sizeBytes,
					id: this.id,
					original: this.originalId,
					note: this.note
				};
	}

	part(): ContentPart | null {
		if (this.id === null) return null;
		if (this.isImage) return { type: 'image_url', image_url: { url: `attachment:${this.id}` } };
		const original = this.originalId ? { original_id: this.originalId } : {};
		return { type: 'file', file: { id: this.id, name: this.name, ...original } };
	}
}

interface KeptDraft {
	text: string;
	files: KeptFile[];
}

export class Draft {
	text = $state('');
	files = $state.raw<DraftFile[]>([]);
	/** What became of files that were not taken, in words. */
	notice = $state('');
	/** Send was pressed before it could go out: how it goes as soon as it can (chat/outgoing.svelte.ts). */
	sendSoon = $state<ComposerMode | null>(null);
	/** Could not be uploaded since Send was pressed. */
	failed = $state.raw<DraftFile | null>(null);
	readonly #kept: Keepsake<Partial<KeptDraft>>;
	#isKept = true;

	constructor(key: string) {
		this.#kept = new Keepsake(key);
		const { text, files } = this.#kept.read() ?? {};
		if (typeof text === 'string') this.text = text;
		if (Array.isArray(files)) this.files = files.map((f) => new DraftFile(f));
	}

	get empty(): boolean {
		return !this.text.trim() && this.files.length === 0;
	}
	get uploading(): boolean {
		return this.files.some((f) => f.uploading);
	}
	/** A reload would lose some of it: storage is full or forbidden, or hob has not got a file yet. */
	get atRisk(): boolean {
		return !this.#isKept || this.files.some((f) => f.id === null && !f.refused);
	}

	/** Why this cannot go to that server, and what can be done; null when it can. */
	problem(server: Pick<Server, 'name' | 'vision'> | undefined): string | null {
		const bytes = textBytes(this.text);
		if (bytes > MAX_TEXT_BYTES)
			return `The message has ${mebibytes(bytes)} of text; a message takes 4 MiB. Shorten it, or attach the text as a file.`;
		const images = this.files.filter((f) => f.isImage && !f.error).length;
		if (images > 0 && server?.vision === false)
			return `${server.name} cannot see images. Pick another server or remove the ${images === 1 ? 'image' : 'images'}.`;
		return null;
	}

	setText(text: string): void {
		// Who writes on is not done: half a sentence must not go out by itself.
		if (this.sendSoon && text !== this.text) {
			this.sendSoon = null;
			this.notice = 'Not sent yet, as it was changed. Press Send when it is done.';
		}
		this.text = text;
		this.keep();
	}

	async add(files: Iterable<File>): Promise<void> {
		this.notice = '';
		const added: DraftFile[] = [];
		for (const file of files) {
			if (this.files.length >= MAX_FILES) {
				this.notice = `A message takes ${String(MAX_FILES)} files. The others were left out; send them with the next message.`;
				break;
			}
			if (await this.#has(file)) {
				this.notice = `${file.name} is attached already.`;
				continue;
			}
			const one = new DraftFile(file);
			this.files = [...this.files, one];
			added.push(one);
		}
		await Promise.all(added.map((f) => this.retry(f)));
	}

	async #has(file: File): Promise<boolean> {
		for (const { source } of this.files)
			// A file that vanished meanwhile is not the same; its own reading says what is the matter.
			if (source && (await sameBytes(source, file).catch(() => false))) return true;
		return false;
	}

	async retry(file: DraftFile): Promise<void> {
		await file.upload(() => (this.failed = file));
		const twin = file.id && this.files.find((f) => f !== file && f.id === file.id);
		if (twin) {
			this.notice = `${file.name} is attached already.`;
			this.drop(file);
		} else this.keep();
	}

	drop(file: DraftFile): void {
		file.cancel();
		this.files = this.files.filter((f) => f !== file);
		if (this.empty) this.sendSoon = null;
		this.keep();
	}

	/** The content as hob takes it; files that could not be uploaded stay behind in the draft. */
	take(): Content {
		const text = this.text.trim();
		const parts = this.files.map((f) => f.part()).filter((p) => p !== null);
		this.text = '';
		this.notice = '';
		this.files = this.files.filter((f) => f.id === null);
		this.sendSoon = null;
		this.keep();
		if (parts.length === 0) return text;
		return text ? [{ type: 'text', text }, ...parts] : parts;
	}

	/** The conversation that it was for is deleted: it goes out only when Send is pressed again. */
	stay(): this {
		this.sendSoon = null;
		this.keep();
		return this;
	}

	/** Puts it under another name: the new chat's draft becomes that of its conversation. */
	rename(key: string): void {
		this.#kept.rename(key);
		this.keep();
	}

	keep(): void {
		const files = this.files.map((f) => f.kept()).filter((f) => f !== null);
		if (this.empty) this.#kept.clear();
		this.#isKept = this.empty || this.#kept.write({ text: this.text, files });
	}
}
