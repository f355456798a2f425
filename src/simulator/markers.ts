// The rules of cache_control: what may carry it, how many, in which order of lifetimes, and what the automatic form marks. Leaves positions to prompt.ts.
import { type ApiError, invalid } from "./api-error.ts";
import { type Fields, fieldsOf, hasBeta } from "./body.ts";

/** Most cache_control blocks in one request, the automatic one included (prompt-caching R2). */
const MAX_MARKERS = 4;

/** Cache lifetime that a marker asks for. */
export type Ttl = "5m" | "1h";

/** One cache_control, explicit or automatic. */
export interface Marker {
	/** Index of the marked block in the prompt. */
	readonly block: number;
	readonly ttl: Ttl;
	/** Where it stands in the body, for error messages. */
	readonly path: string;
}

/** A request's explicit markers and what the automatic one needs to find its place. */
export interface MarkedPrompt {
	readonly explicit: readonly Marker[];
	/** Last block that can be marked, -1 for none. */
	readonly lastEligible: number;
}

/**
 * The marker of a block at `path`, or null. A marker on the last part of a tool_result or document counts as the parent's
 * (prompt-caching R11). Throws the provider's 400 for a marker that must not stand there.
 */
export function markerOf(block: Fields, path: string, betas: ReadonlySet<string>): Omit<Marker, "block"> | null {
	const own = readControl(block["cache_control"], `${path}.cache_control`, betas);
	const inner = innerMarker(block, path, betas);
	if (own === null) return inner;
	const type = block["type"];
	if (type === "thinking" || type === "redacted_thinking") {
		throw invalid(`${path}.${type}.cache_control: Extra inputs are not permitted`);
	}
	if (type === "text" && block["text"] === "") {
		const place = path.startsWith("system") ? path : `${path}.text`;
		throw invalid(`${place}: cache_control cannot be set for empty text blocks`);
	}
	return own;
}

/** Whether the automatic marker may fall on this block (prompt-caching R3, R11). */
export function isMarkable(block: Fields): boolean {
	const type = block["type"];
	return type !== "thinking" && type !== "redacted_thinking" && !(type === "text" && block["text"] === "");
}

/**
 * All markers of a request in block order: the explicit ones and that of a top-level cache_control (prompt-caching R3).
 * Throws the 400s of prompt-caching R2, R3 and R7.
 */
export function completeMarkers(body: Fields, betas: ReadonlySet<string>, prompt: MarkedPrompt): readonly Marker[] {
	const { explicit, lastEligible } = prompt;
	const automatic = readControl(body["cache_control"], "cache_control", betas);
	const markers = [...explicit];
	if (automatic !== null && lastEligible >= 0) {
		const taken = explicit.find((marker) => marker.block === lastEligible);
		if (taken === undefined) markers.push({ ...automatic, block: lastEligible });
		else if (taken.ttl !== automatic.ttl) {
			throw invalid(
				`cache_control: the last cacheable block (${taken.path}) already has a cache_control with a different ttl`,
			);
		}
	}
	if (markers.length > MAX_MARKERS) {
		throw invalid(`A maximum of ${MAX_MARKERS} blocks with cache_control may be provided. Found ${markers.length}.`);
	}
	let seenShort = false;
	for (const marker of markers) {
		if (marker.ttl === "1h" && seenShort) {
			throw invalid(
				`${marker.path}.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. ` +
					"Note that blocks are processed in the following order: `tools`, `system`, `messages`.",
			);
		}
		seenShort ||= marker.ttl === "5m";
	}
	return markers;
}

/** The 400 for a tool that is both deferred and marked. */
export function deferredMarker(tool: Fields): ApiError {
	return invalid(
		`Tool '${String(tool["name"])}' cannot have both defer_loading=true and cache_control set. ` +
			"Tools with defer_loading cannot use prompt caching.",
	);
}

function innerMarker(block: Fields, path: string, betas: ReadonlySet<string>): Omit<Marker, "block"> | null {
	const parts = block["content"];
	if (!Array.isArray(parts)) return null;
	let last: Omit<Marker, "block"> | null = null;
	for (const [index, item] of parts.entries()) {
		const part = fieldsOf(item);
		if (part === null || part["cache_control"] === undefined) continue;
		const place = `${path}.${String(block["type"])}.content.${index}`;
		last = markerOf(part, place, betas);
		if (last !== null && index < parts.length - 1) {
			throw invalid(`${last.path}: cache_control may only be set on the last block of the content, or on its parent`);
		}
	}
	return last;
}

function readControl(value: unknown, path: string, betas: ReadonlySet<string>): Omit<Marker, "block"> | null {
	if (value === undefined || value === null) return null;
	const control = fieldsOf(value);
	if (control === null) throw invalid(`${path}: Input should be a valid dictionary`);
	if (control["type"] !== "ephemeral") {
		throw invalid(
			`${path}: Input tag '${String(control["type"])}' found using 'type' does not match any of the expected tags: 'ephemeral'`,
		);
	}
	const ttl = control["ttl"] ?? "5m";
	if (ttl !== "5m" && ttl !== "1h") throw invalid(`${path}.ephemeral.ttl: Input should be '5m' or '1h'`);
	for (const key of Object.keys(control)) {
		if (key === "type" || key === "ttl") continue;
		if (key === "scope" && hasBeta(betas, "prompt-caching-scope-")) continue;
		throw invalid(`${path}.ephemeral.${key}: Extra inputs are not permitted`);
	}
	return { ttl, path };
}
