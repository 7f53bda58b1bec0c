/** A file that is dropped beside the places for it would open in the page's stead; it is refused until what this returns is called. */
export function refuseDrops(): () => void {
	const refuse = (e: DragEvent): void => {
		if (e.defaultPrevented || !e.dataTransfer?.types.includes('Files')) return;
		e.preventDefault();
		e.dataTransfer.dropEffect = 'none';
	};
	window.addEventListener('dragover', refuse);
	window.addEventListener('drop', refuse);
	return () => {
		window.removeEventListener('dragover', refuse);
		window.removeEventListener('drop', refuse);
	};
}
