// The first-party API's cache diagnostics: why a prompt did not continue the one before it (prompt-caching R14). Leaves the cache itself to cache.ts.
import { hash as digest } from "node:crypto";
import { fieldsOf } from "./body.ts";
import { messageConfig, render, unmarked } from "./rendering.ts";
import type { MessagesRequest } from "./request.ts";

/** Remembered requests of all domains; the oldest goes first. */
const CAPACITY = 5_000;

/** What is kept of a request that asked for diagnostics. */
interface Fingerprint {
	readonly model: string;
	readonly tools: string;
	readonly system: string;
	/** Everything else that is rendered: betas, thinking, tool choice and so on. */
	readonly settings: string;
	/** One hash per block of the messages. */
	readonly blocks: readonly string[];
	/** Tokens up to its last breakpoint: what the next request could have read. */
	readonly cachedTokens: number;
}

/** One request whose answer will be known by `messageId`. */
export interface Diagnosed {
	/** Diagnoses are confined to organization and workspace. */
	readonly domain: string;
	readonly messageId: string;
	readonly request: MessagesRequest;
	readonly cachedTokens: number;
}

/** Remembers fingerprints of requests that opted in. */
export class Diagnostics {
	readonly #seen = new Map<string, Fingerprint>();

	/**
	 * The `diagnostics` member of an answer: undefined when the request did not ask, null when it continues the one it names (or
	 * names none), else the first difference in the order model, tools, system, messages.
	 */
	diagnose(subject: Diagnosed): Record<string, unknown> | null | undefined {
		const asked = fieldsOf(subject.request.body["diagnostics"]);
		if (asked === null) return undefined;
		const now = fingerprintOf(subject);
		const previousId = asked["previous_message_id"];
		const previous = typeof previousId === "string" ? this.#seen.get(`${subject.domain} ${previousId}`) : null;
		this.#remember(`${subject.domain} ${subject.messageId}`, now);
		if (previous === null) return null;
		const reason = previous === undefined ? { type: "previous_message_not_found" } : differenceOf(previous, now);
		return reason === null ? null : { cache_miss_reason: reason };
	}

	/** Forgets every request. */
	reset(): void {
		this.#seen.clear();
	}

	#remember(key: string, fingerprint: Fingerprint): void {
		this.#seen.set(key, fingerprint);
		const [oldest] = this.#seen.keys();
		if (this.#seen.size > CAPACITY && oldest !== undefined) this.#seen.delete(oldest);
	}
}

function differenceOf(before: Fingerprint, now: Fingerprint): Record<string, unknown> | null {
	const changed = (type: string) => ({ type, cache_missed_input_tokens: before.cachedTokens });
	if (before.model !== now.model) return changed("model_changed");
	if (before.tools !== now.tools) return changed("tools_changed");
	if (before.system !== now.system) return changed("system_changed");
	if (before.settings !== now.settings) return { type: "unavailable" };
	const continues = before.blocks.every((block, index) => now.blocks[index] === block);
	return continues ? null : changed("messages_changed");
}

function fingerprintOf({ request, cachedTokens }: Diagnosed): Fingerprint {
	const { rules, body, tools, system, messages, betas } = request;
	return {
		model: JSON.stringify([rules.id, body["speed"] ?? "standard"]),
		tools: hashOf(tools.map(unmarked)),
		system: hashOf(system.map(render)),
		settings: hashOf([[...betas].sort(), messageConfig(body, messages)]),
		blocks: messages.flatMap(({ role, content, fields }) =>
			content.map((block) => hashOf([role, fields, render(block)])),
		),
		cachedTokens,
	};
}

function hashOf(value: unknown): string {
	return digest("sha256", JSON.stringify(value));
}
