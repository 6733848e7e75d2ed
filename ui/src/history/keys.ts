import { onMount } from 'svelte';

/** Whether a key press belongs to a field, a dialog or a menu, so that single letters must do nothing. */
export function typing(event: KeyboardEvent): boolean {
  const at = event.target;
  if (event.defaultPrevented || event.altKey) return true;
  if (!(at instanceof HTMLElement)) return false;
  return at.isContentEditable || at.closest('input, textarea, select, dialog, [role="menu"]') !== null;
}

/** Ctrl, or Command on a Mac. */
export function withControl(event: KeyboardEvent): boolean {
  return event.ctrlKey || event.metaKey;
}

/** Ctrl+F puts the focus into the search field of a part of the page, as long as the calling component lives and no dialog is open. */
export function findsIn(inside: () => HTMLElement | undefined): void {
  onMount(() => {
    const onkeydown = (event: KeyboardEvent) => {
      if (!withControl(event) || event.shiftKey || event.key.toLowerCase() !== 'f') return;
      if (document.querySelector('dialog[open]')) return;
      event.preventDefault();
      const field = inside()?.querySelector<HTMLInputElement>('input[type="search"], input');
      field?.focus();
      field?.select();
    };
    window.addEventListener('keydown', onkeydown);
    return () => window.removeEventListener('keydown', onkeydown);
  });
}
