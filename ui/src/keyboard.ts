// Keys: J and K through a list, / to the page's search field, ? for help, Escape out of what is open.
import { useEffect, useRef } from "react";

export type KeyActions = Readonly<Record<string, () => void>>;

/** Calls the action of a pressed key while the component is there; not while somebody types into a field, save for Escape. */
export function useKeys(actions: KeyActions): void {
	const current = useRef(actions);
	current.current = actions;
	useEffect(() => {
		const listener = (event: KeyboardEvent): void => {
			if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
			if (event.key !== "Escape" && isField(event.target)) return;
			if (document.querySelector("dialog[open]") !== null) return;
			const action = current.current[event.key.length === 1 ? event.key.toLowerCase() : event.key];
			if (action === undefined) return;
			event.preventDefault();
			action();
		};
		window.addEventListener("keydown", listener);
		return () => window.removeEventListener("keydown", listener);
	}, []);
}

function isField(target: EventTarget | null): boolean {
	if (!(target instanceof HTMLElement)) return false;
	return target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);
}
