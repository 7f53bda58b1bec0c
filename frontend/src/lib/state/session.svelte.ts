/**
 * Who is signed in. Expiry never navigates by itself: `loginNeeded` opens the log-in dialog over
 * whatever is on the screen, so that a message being sent is kept and goes out after log-in.
 */
import { api, setUnauthorizedHandler } from '$lib/api/client';
import { live } from '$lib/api/events';
import { CHAT_PATH, type User } from '$lib/api/types';

class Session {
	user = $state.raw<User | null>(null);
	setupNeeded = $state(false);
	version = $state('');
	/** The first answer of /api/session is there. */
	loaded = $state(false);
	/** The session ended while the page was in use. */
	expired = $state(false);
	/** The log-in dialog is open. */
	loginNeeded = $state(false);

	readonly #signedIn = new Set<(user: User) => void>();
	readonly #leaving = new Set<() => Promise<unknown>>();
	readonly #signedOut = new Set<() => void>();

	constructor() {
		setUnauthorizedHandler((path) => {
			// What the page tries again in the background does not bring back a dialog that was closed.
			if (this.user && (!this.expired || path === CHAT_PATH)) this.loginNeeded = true;
			this.expired = this.user !== null;
		});
		// News come again: somebody has logged in, perhaps in another tab.
		live.onLink((link) => {
			if (link === 'open' && this.expired) void this.load().catch(() => undefined);
		});
	}

	get isAdmin(): boolean {
		return this.user?.role === 'admin';
	}

	/** Runs after each log-in, also the one in the dialog, with the user who came. */
	onSignedIn(fn: (user: User) => void): () => void {
		this.#signedIn.add(fn);
		return () => this.#signedIn.delete(fn);
	}
	/** Runs before a log-out, which waits for it: tell hob what it has not heard of. Must not throw. */
	onLeaving(fn: () => Promise<unknown>): () => void {
		this.#leaving.add(fn);
		return () => this.#leaving.delete(fn);
	}
	/** Runs when the user leaves or another one takes the browser: forget what was theirs. */
	onSignedOut(fn: () => void): () => void {
		this.#signedOut.add(fn);
		return () => this.#signedOut.delete(fn);
	}

	/** Asks hob once more who is signed in. Throws ApiError when hob cannot be reached. */
	async load(): Promise<void> {
		const info = await api.session();
		this.setupNeeded = info.setup_needed;
		this.version = info.version;
		this.loaded = true;
		if (info.user) this.#enter(info.user);
		else this.#leave();
	}

	async login(name: string, password: string): Promise<void> {
		this.#enter((await api.login({ name, password })).user);
	}

	async setup(token: string, name: string, password: string): Promise<void> {
		const { user } = await api.setup({ token, name, password });
		this.setupNeeded = false;
		this.#enter(user);
	}

	async logout(): Promise<void> {
		await Promise.all([...this.#leaving].map((fn) => fn()));
		await api.logout();
		this.#leave();
	}

	#enter(user: User): void {
		if (this.user && this.user.id !== user.id) this.#leave();
		const renewed = this.expired;
		const known = this.user?.id === user.id;
		this.user = user;
		this.expired = false;
		this.loginNeeded = false;
		if (renewed) live.stop();
		live.start(user.id);
		if (!known || renewed) for (const fn of this.#signedIn) fn(user);
	}

	#leave(): void {
		const had = this.user !== null;
		this.user = null;
		this.expired = false;
		this.loginNeeded = false;
		live.stop();
		if (had) for (const fn of this.#signedOut) fn();
	}
}

export const session = new Session();
