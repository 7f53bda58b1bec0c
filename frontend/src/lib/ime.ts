/** An input method has this key: somebody is choosing characters. 229: browsers that end that with the same Enter. */
export function isComposing(e: KeyboardEvent): boolean {
	return e.isComposing || e.keyCode === 229;
}
