// Light, dark or as the system says; kept in the browser.
import { useSyncExternalStore } from "react";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "warmpath.theme";
const listeners = new Set<() => void>();
const system = window.matchMedia("(prefers-color-scheme: dark)");
system.addEventListener("change", tell);

function tell(): void {
	for (const listener of listeners) listener();
}

function currentTheme(): Theme {
	const kept = localStorage.getItem(KEY);
	return THEMES.find((theme) => theme === kept) ?? "system";
}

/** Puts the kept theme on the page; call it before the first paint. */
export function applyTheme(): void {
	const theme = currentTheme();
	if (theme === "system") delete document.documentElement.dataset["theme"];
	else document.documentElement.dataset["theme"] = theme;
}

export function setTheme(theme: Theme): void {
	localStorage.setItem(KEY, theme);
	applyTheme();
	tell();
}

function subscribe(listener: () => void): () => void {
	listeners.add(listener);
	return () => listeners.delete(listener);
}

export function useTheme(): Theme {
	return useSyncExternalStore(subscribe, currentTheme);
}

/** What is shown now: charts draw in its colours. */
export function useShownTheme(): "light" | "dark" {
	return useSyncExternalStore(subscribe, () => {
		const theme = currentTheme();
		return theme === "system" ? (system.matches ? "dark" : "light") : theme;
	});
}

/** A custom property's colour as it is in the theme shown now. */
export function colourOf(variable: string): string {
	const probe = document.createElement("span");
	probe.style.color = `var(${variable})`;
	document.body.append(probe);
	const colour = getComputedStyle(probe).color;
	probe.remove();
	return colour;
}
