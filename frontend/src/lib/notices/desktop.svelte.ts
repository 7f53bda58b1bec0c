/**
 * Notifications of the browser: asked for by a click only, shown only while no page of hob is on a
 * screen, and by one tab of a browser: the one that reads the live events. Chrome on Android lets no page
 * show one: there the service worker does (src/service-worker.ts), which exists only while they are on.
 */
import { dev } from '$app/environment';
import { goto } from '$app/navigation';
import { resolve } from '$app/paths';
import { browserStorage } from '$lib/storage';

const KEY = 'hob.notify';
/** Every visible tab holds it; nobody holds it when none is on a screen. */
const VISIBLE_LOCK = 'hob-visible';
const WORKER_URL = '/service-worker.js';
const ICON = '/icon-192.png';

/** insecure: the page came by plain http from another machine, where browsers have none. */
export type Support = 'yes' | 'insecure' | 'no' | 'denied';

/** What a notification carries, and the worker sends back when it is clicked. */
interface Shown {
	conversation: string;
}

const hasWorkers = (): boolean => 'serviceWorker' in navigator;

/** The worker, ready to show; null where there can be none. */
async function theWorker(): Promise<ServiceWorkerRegistration | null> {
	if (!hasWorkers()) return null;
	try {
		// Built it is no module; not all browsers take one.
		await navigator.serviceWorker.register(WORKER_URL, { type: dev ? 'module' : 'classic' });
		return await navigator.serviceWorker.ready;
	} catch {
		return null;
	}
}

async function workerShows(title: string, options: NotificationOptions): Promise<boolean> {
	const worker = await theWorker();
	try {
		await worker?.showNotification(title, options);
		return worker !== null;
	} catch {
		return false;
	}
}

async function dismissWorker(): Promise<void> {
	if (!hasWorkers()) return;
	try {
		await (await navigator.serviceWorker.getRegistration(WORKER_URL))?.unregister();
	} catch {
		// Where there may be none, there is none.
	}
}

/** Tries it: there is no other way to know. Asked only where no worker can show them. */
function pageMayShow(): boolean {
	try {
		new Notification('hob', { silent: true }).close();
		return true;
	} catch {
		return false;
	}
}

function lead(conversation: string): void {
	void goto(resolve(`/chat/${conversation}`));
}

class Desktop {
	/** The user wants them, and the browser lets us. */
	on = $state(false);
	support = $state<Support>('no');
	/** Neither the page nor a worker can show any here. */
	#refused = false;
	#visible: AbortController | null = null;

	constructor() {
		this.#look();
		this.on = this.support === 'yes' && this.#granted && browserStorage()?.getItem(KEY) === 'on';
		document.addEventListener('visibilitychange', () => this.#holdVisible());
		this.#holdVisible();
		// A notification that the worker showed was clicked.
		if (hasWorkers())
			navigator.serviceWorker.addEventListener('message', (e: MessageEvent<Shown>) => {
				if (e.data.conversation) lead(e.data.conversation);
			});
	}

	get #granted(): boolean {
		return typeof Notification !== 'undefined' && Notification.permission === 'granted';
	}

	#look(): void {
		if (!window.isSecureContext) this.support = 'insecure';
		else if (this.#refused || typeof Notification === 'undefined') this.support = 'no';
		else this.support = Notification.permission === 'denied' ? 'denied' : 'yes';
	}

	/** Only from a click: browsers refuse to ask otherwise. Resolves with what holds now. */
	async set(on: boolean): Promise<boolean> {
		if (on && this.support === 'yes' && (await Notification.requestPermission()) === 'granted')
			this.#refused = !(await theWorker()) && !pageMayShow();
		this.#look();
		this.on = on && this.support === 'yes' && this.#granted;
		if (!this.on) void dismissWorker();
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
			const held = new Promise<void>((done) =>
				control.signal.addEventListener('abort', () => done())
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
	async show(title: string, body: string, tag: string, conversation: string): Promise<void> {
		if (!this.on || !this.#granted || (await this.#anyVisible())) return;
		const data: Shown = { conversation };
		const options: NotificationOptions = { body, tag, icon: ICON, data };
		try {
			const notification = new Notification(title, options);
			notification.onclick = () => {
				window.focus();
				lead(conversation);
				notification.close();
			};
		} catch {
			if (await workerShows(title, options)) return;
			// The page's own notice is there.
			this.#refused = true;
			this.#look();
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
