/** The dialogs that can be asked for from anywhere, one at a time. Panels.svelte shows them. */
import { tick } from 'svelte';
import { rail } from './rail.svelte';

export type Panel = 'palette' | 'shortcuts' | 'transfer';

class Panels {
	open = $state<Panel | null>(null);
	#before: Element | null = null;

	show(panel: Panel): void {
		if (!this.open) this.#before = document.activeElement;
		rail.sheet = false;
		this.open = panel;
	}
	toggle(panel: Panel): void {
		if (this.open === panel) this.close();
		else this.show(panel);
	}
	/** The focus goes back to where it was, or to the page when that is gone. */
	close(): void {
		this.open = null;
		void this.#refocus();
	}

	async #refocus(): Promise<void> {
		await tick();
		if (document.activeElement !== document.body) return;
		const before = this.#before?.isConnected ? this.#before : null;
		if (before instanceof HTMLElement && before !== document.body) before.focus();
		else document.getElementById('content')?.focus();
	}
}

export const panels = new Panels();
