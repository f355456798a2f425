// Line icons, drawn here so that nothing is loaded from elsewhere. Decorative: what they stand beside has the words.

const PATHS = {
	overview: "M3 13l5-6 4 4 5-7M3 17h14",
	logs: "M3 5h14M3 10h14M3 15h9",
	sessions: "M4 15V9M8 15V5M12 15V8M16 15v-4",
	deployments: "M4 4h12v5H4zM4 11h12v5H4zM7 6.5h.01M7 13.5h.01",
	keys: "M12.5 3.5a4 4 0 1 1-2.6 7L4 16.4V17H3v-3l6-6a4 4 0 0 1 3.5-4.5zM13.5 6.5h.01",
	connect:
		"M7 13l-2 2a2.8 2.8 0 0 1-4-4l3-3a2.8 2.8 0 0 1 4 0M13 7l2-2a2.8 2.8 0 0 1 4 4l-3 3a2.8 2.8 0 0 1-4 0M8 12l4-4",
	explain: "M4 4v5a3 3 0 0 0 3 3h9M13 9l3 3-3 3M4 4v12",
	help: "M7.5 7.5a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .9-1 1.7M10 14.5h.01M10 2a8 8 0 1 1 0 16 8 8 0 0 1 0-16z",
	logout: "M8 3H4v14h4M12 6l4 4-4 4M16 10H8",
	sun: "M10 6.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7zM10 2v1.5M10 16.5V18M2 10h1.5M16.5 10H18M4.3 4.3l1 1M14.7 14.7l1 1M4.3 15.7l1-1M14.7 5.3l1-1",
	moon: "M16 12A7 7 0 0 1 8 4a6.5 6.5 0 1 0 8 8z",
	system: "M3 4h14v9H3zM7 17h6M10 13v4",
	copy: "M7 7h9v10H7zM13 7V3H4v10h3",
	check: "M4 10.5l4 4 8-9",
	close: "M5 5l10 10M15 5L5 15",
	next: "M8 5l5 5-5 5",
	previous: "M12 5l-5 5 5 5",
	warning: "M10 3l8 14H2zM10 8v4M10 14.5h.01",
	search: "M9 3.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11zM13 13l4 4",
	plus: "M10 4v12M4 10h12",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { readonly name: IconName }) {
	return (
		<svg className="icon" viewBox="0 0 20 20" aria-hidden="true">
			<path d={PATHS[name]} />
		</svg>
	);
}

export function Mark() {
	return (
		<svg className="mark" viewBox="0 0 32 32" aria-hidden="true">
			<rect width="32" height="32" rx="8" />
			<path d="M7 10l4 13 5-11 5 11 4-13" />
		</svg>
	);
}
