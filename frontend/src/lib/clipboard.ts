/**
 * Copy text, also where navigator.clipboard is missing: it exists only in secure contexts, and hob in
 * a home network is often plain http. False when the browser refuses both ways.
 */
export async function copyText(text: string): Promise<boolean> {
	try {
		await navigator.clipboard.writeText(text);
		return true;
	} catch {
		return copyBySelection(text);
	}
}

function copyBySelection(text: string): boolean {
	const before = document.activeElement;
	const area = document.createElement('textarea');
	area.value = text;
	area.readOnly = true;
	area.style.cssText = 'position:fixed;top:0;left:0;opacity:0';
	// Inside an open dialog, or its focus trap takes the focus back before the copy.
	(before?.closest('[role=dialog]') ?? document.body).append(area);
	try {
		area.select();
		return document.execCommand('copy');
	} catch {
		return false;
	} finally {
		area.remove();
		if (before instanceof HTMLElement) before.focus();
	}
}
