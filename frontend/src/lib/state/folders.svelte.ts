/** The user's folders by name, kept true by live events. */
import { api } from '$lib/api/client';
import { live } from '$lib/api/events';
import type { Folder } from '$lib/api/types';
import { session } from './session.svelte';

const names = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

class Folders {
	list = $state.raw<readonly Folder[]>([]);
	/** They were read, or could not be: what is in them need not wait any longer. */
	settled = $state(false);

	constructor() {
		live.on('folder', (f) => this.#put(f));
		live.on('folder_removed', ({ id }) => this.#drop(id));
		live.on('reset', () => void this.load());
		live.on('imported', () => void this.load());
		session.onSignedIn(() => void this.load());
		session.onSignedOut(() => {
			this.list = [];
			this.settled = false;
		});
	}

	/** Never throws: without folders their conversations stand among the others. */
	async load(): Promise<void> {
		try {
			this.#set((await api.folders()).folders);
		} catch {
			// What is known stays; the list of conversations says when hob is out of reach.
		}
		this.settled = true;
	}

	get(id: string | null): Folder | undefined {
		return id ? this.list.find((f) => f.id === id) : undefined;
	}

	/** Throws ApiError, 409 when there is one of this name. */
	async add(name: string): Promise<Folder> {
		const { folder } = await api.addFolder(name);
		this.#put(folder);
		return folder;
	}
	async rename(id: string, name: string): Promise<void> {
		this.#put((await api.renameFolder(id, name)).folder);
	}
	/** Its conversations stay. */
	async remove(id: string): Promise<void> {
		await api.deleteFolder(id);
		this.#drop(id);
	}

	#put(folder: Folder): void {
		this.#set([...this.list.filter((f) => f.id !== folder.id), folder]);
	}
	#drop(id: string): void {
		this.list = this.list.filter((f) => f.id !== id);
	}
	#set(list: readonly Folder[]): void {
		this.list = list.toSorted((a, b) => names.compare(a.name, b.name));
	}
}

export const folders = new Folders();
