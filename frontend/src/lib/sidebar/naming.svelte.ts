/** Asks for a name in a dialog: of a folder, or of a conversation that has no row on the screen. */
import { conversations } from '$lib/state/conversations.svelte';
import { session } from '$lib/state/session.svelte';
import { folders } from '$lib/state/folders.svelte';
import type { Conversation, Folder } from '$lib/api/types';

export interface Ask {
	title: string;
	label: string;
	value: string;
	verb: string;
	maxLength: number;
	/** Throws when the name cannot be taken; the dialog says why and stays. */
	take: (name: string) => Promise<unknown>;
}

const FOLDER = { label: 'Name', maxLength: 100 };

class Naming {
	ask = $state.raw<Ask | null>(null);

	/** Makes a folder and puts these conversations into it. */
	newFolder(ids: readonly string[] = []): void {
		this.ask = {
			...FOLDER,
			title: 'New folder',
			value: '',
			verb: 'Create',
			take: async (name) => {
				const { id } = await folders.add(name);
				await conversations.change(ids, { folder_id: id });
			}
		};
	}
	folder({ id, name: value }: Folder): void {
		this.ask = {
			...FOLDER,
			title: 'Rename folder',
			value,
			verb: 'Rename',
			take: (name) => folders.rename(id, name)
		};
	}
	conversation({ id, title }: Conversation): void {
		this.ask = {
			title: 'Rename conversation',
			label: 'Title',
			value: title,
			verb: 'Rename',
			maxLength: 200,
			take: (name) => conversations.rename(id, name)
		};
	}
}

export const naming = new Naming();
session.onSignedOut(() => (naming.ask = null));
