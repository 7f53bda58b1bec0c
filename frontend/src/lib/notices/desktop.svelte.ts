/**
 * Notifications of the browser: asked for by a click only, shown only while no page of hob is on a
 * screen, and by one tab of a browser: the one that reads the live events.
 */
import { browserStorage } from '$lib/storage';

const KEY = 'hob.notify';
/** Every visible tab holds it; nobody holds it when none is on a screen. */
const VISIBLE_LOCK = 'hob-visible';

/** insecure: the page came by plain http from another machine, where browsers have none. */
export type Support = 'yes' | 'insecure' | 'no' | 'denied';

class Desktop {
	/** The user wants them, and the browser lets us. */
	on = $state(false);
	support = $state<Support>('no');
	#visible: AbortController | null = null;

	constructor() {
		this.#look();
		this.on = this.support === 'yes' && this.#granted && browserStorage()?.getItem(KEY) === 'on';
		document.addEventListener('visibilitychange', () => this.#holdVisible());
		this.#holdVisible();
	}

	get #granted(): boolean {
		return typeof Notification !== 'undefined' && Notification.permission === 'granted';
	}

	#look(): void {
		if (!window.isSecureContext) this.support = 'insecure';
		else if (typeof Notification === 'undefined') this.support = 'no';
		else this.support = Notification.permission === 'denied' ? 'denied' : 'yes';
	}

	/** Only from a click: browsers refuse to ask otherwise. Resolves with what holds now. */
	async set(on: boolean): Promise<boolean> {
		if (on && this.support === 'yes') await Notification.requestPermission();
		this.#look();
		this.on = on && this.support === 'yes' && this.#granted;
		try {
			browserStorage()?.setItem(KEY, this.on ? 'on' : 'off');
		} catch {
			// For this visit only.
		}
		return this.on;
	}

	#holdVisible(): void {
		const visible = document.visibilityState === 'visible';
		if (!visible) {
			this.#visible?.abort();
			this.#visible = null;
		} else if (!this.#visible && window.isSecureContext && 'locks' in navigator) {
			const control = new AbortController();
			this.#visible = control;
			const held = new Promise<void>((resolve) =>
				control.signal.addEventListener('abort', () => resolve())
			);
			navigator.locks
				.request(VISIBLE_LOCK, { mode: 'shared', signal: control.signal }, () => held)
				.catch(() => undefined);
		}
	}

	async #anyVisible(): Promise<boolean> {
		if (document.visibilityState === 'visible') return true;
		const { held } = await navigator.locks.query();
		return held?.some((lock) => lock.name === VISIBLE_LOCK) ?? false;
	}

	/** Shows one, unless a page of hob is on a screen. The same tag is shown once. */
	async show(title: string, body: string, tag: string, onclick: () => void): Promise<void> {
		if (!this.on || !this.#granted || (await this.#anyVisible())) return;
		try {
			const notification = new Notification(title, { body, tag, icon: '/icon-192.png' });
			notification.onclick = () => {
				window.focus();
				onclick();
				notification.close();
			};
		} catch {
			// Android has them for service workers only; the page's own notice is there.
			this.support = 'no';
			this.on = false;
		}
	}
}

export const desktop = new Desktop();

export const SUPPORT_TEXT: Record<Exclude<Support, 'yes'>, string> = {
	insecure: 'Notifications need https, or hob on this machine.',
	no: 'This browser has no notifications for pages.',
	denied: 'The browser blocks notifications of this page. Allow them in its settings.'
};
