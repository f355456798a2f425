// A request as the provider's cache sees it: a chain of hashes over the rendered prefix, tokens, breakpoints. Leaves entries to cache.ts.
import { hash as digest } from "node:crypto";
import type { Fields, Message } from "./body.ts";
import { completeMarkers, deferredMarker, isMarkable, type Marker, markerOf, type Ttl } from "./markers.ts";
import {
	isWebTool,
	lastPromptIndex,
	messageConfig,
	render,
	systemConfig,
	thinkingConfig,
	tokensOf,
} from "./rendering.ts";
import type { MessagesRequest } from "./request.ts";
import { isForeignThinking } from "./thinking.ts";

/** A position up to which the request asks for caching. */
export interface Breakpoint {
	/** Index into the prompt's arrays. */
	readonly block: number;
	readonly ttl: Ttl;
}

/** Parallel arrays, one element per block in render order: tools, system, messages (prompt-caching R1). */
export interface Prompt {
	/** Cumulative: equal hashes mean equal prefixes, rendering configuration included. The domain is not in them. */
	readonly hashes: readonly string[];
	/** Cumulative tokens up to and including the block. */
	readonly tokens: readonly number[];
	readonly kinds: readonly ("tool_use" | "tool_result" | "other")[];
	/** In order of `block`, each block at most once. */
	readonly breakpoints: readonly Breakpoint[];
	readonly totalTokens: number;
	readonly minTokens: number;
	/** Thinking blocks left out because another organization signed them (prompt-caching §5). */
	readonly droppedThinking: number;
}

/** Rules of rendering that differ between platforms or that a test wants to change. */
export interface PromptRules {
	/** Bytes of text per token; also per model id. Default 4. */
	readonly charsPerToken: number | ((model: string) => number);
	/** Leave out a first system block that holds Claude Code's attribution header, as the first-party API does. Default true. */
	readonly stripBillingBlock: boolean;
	/** Models that render thinking and effort before the tools, so that changing them loses everything (prompt-caching §6). Default none. */
	readonly renderConfigEarly: (model: string) => boolean;
	/** Minimum cacheable prefix in place of the model table's. */
	readonly minTokens: (model: string) => number | null;
	/** Organization that reads the prompt; null: no thinking block counts as foreign. */
	readonly organization: string | null;
}

const BILLING_PREFIX = "x-anthropic-billing-header:";

/**
 * Renders a request (prompt-caching §6, flatten). Throws the 400 that the provider gives for misplaced or too many cache
 * markers. Deferred tools and the attribution block are no part of the result.
 */
export function flatten(request: MessagesRequest, rules: Partial<PromptRules> = {}): Prompt {
	const renderer = new Renderer(request, rules);
	renderer.tools();
	renderer.system();
	renderer.messages();
	return renderer.finish(rules.minTokens?.(request.rules.id) ?? request.rules.minTokens);
}

class Renderer {
	readonly #request: MessagesRequest;
	readonly #rules: Partial<PromptRules>;
	readonly #charsPerToken: number;
	readonly #hashes: string[] = [];
	readonly #tokens: number[] = [];
	readonly #kinds: ("tool_use" | "tool_result" | "other")[] = [];
	readonly #markers: Marker[] = [];
	#hash: string;
	#total = 0;
	#level: "tools" | "system" | "messages" = "tools";
	#lastEligible = -1;
	#dropped = 0;

	constructor(request: MessagesRequest, rules: Partial<PromptRules>) {
		this.#request = request;
		this.#rules = rules;
		const { charsPerToken = 4 } = rules;
		this.#charsPerToken = typeof charsPerToken === "number" ? charsPerToken : charsPerToken(request.rules.id);
		const early = rules.renderConfigEarly?.(request.rules.id) === true ? thinkingConfig(request.body) : "";
		const betas = [...request.betas].sort();
		this.#hash = digest(
			"sha256",
			JSON.stringify([request.rules.id, betas, request.body["inference_geo"] ?? "", early]),
		);
	}

	tools(): void {
		for (const [index, tool] of this.#request.tools.entries()) {
			const path = `tools.${index}`;
			const marker = markerOf(tool, path, this.#request.betas);
			// A deferred tool becomes part of the prompt only where a tool_reference names it.
			if (tool["defer_loading"] === true) {
				if (marker !== null) throw deferredMarker(tool);
				continue;
			}
			// Web tools are rendered with the system prompt: switching them keeps the tools' prefix (prompt-caching §4).
			if (isWebTool(tool)) this.#mark(marker, this.#hashes.length - 1);
			else this.#push({ ...tool, type: tool["type"] ?? "custom" }, "", marker);
		}
	}

	system(): void {
		const { system, systemIsString, betas } = this.#request;
		for (const [index, block] of system.entries()) {
			const isBilling = index === 0 && !systemIsString && String(block["text"] ?? "").startsWith(BILLING_PREFIX);
			if (isBilling && this.#rules.stripBillingBlock !== false) continue;
			this.#enterSystem();
			this.#push(block, "", markerOf(block, `system.${index}`, betas));
		}
	}

	messages(): void {
		const { messages, rules } = this.#request;
		const keepsAll = rules.keepsThinking ? -1 : lastPromptIndex(messages);
		for (const [index, message] of messages.entries()) this.#message(message, index, index < keepsAll);
	}

	finish(minTokens: number): Prompt {
		const { body, betas } = this.#request;
		const markers = completeMarkers(body, betas, { explicit: this.#markers, lastEligible: this.#lastEligible });
		const breakpoints: Breakpoint[] = [];
		for (const marker of markers) {
			if (marker.block < 0 || breakpoints.at(-1)?.block === marker.block) continue;
			breakpoints.push({ block: marker.block, ttl: marker.ttl });
		}
		return {
			hashes: this.#hashes,
			tokens: this.#tokens,
			kinds: this.#kinds,
			breakpoints,
			totalTokens: this.#total,
			minTokens,
			droppedThinking: this.#dropped,
		};
	}

	#message(message: Message, index: number, stripThinking: boolean): void {
		this.#enterSystem();
		this.#enterMessages();
		if (Object.keys(message.fields).length > 0) this.#mix(message.role, JSON.stringify(message.fields));
		for (const [blockIndex, block] of message.content.entries()) {
			const isThinking = block.type === "thinking" || block.type === "redacted_thinking";
			const marker = markerOf(block, `messages.${index}.content.${blockIndex}`, this.#request.betas);
			if (isThinking && stripThinking) continue;
			if (isThinking && isForeignThinking(block, this.#rules.organization ?? null, this.#request.rules)) {
				this.#dropped += 1;
				continue;
			}
			this.#push(block, message.role, marker);
		}
	}

	#enterSystem(): void {
		if (this.#level !== "tools") return;
		this.#level = "system";
		const { tools, messages, body } = this.#request;
		this.#mix("system", systemConfig(body, tools, messages));
	}

	#enterMessages(): void {
		if (this.#level === "messages") return;
		this.#level = "messages";
		this.#mix("messages", messageConfig(this.#request.body, this.#request.messages));
	}

	#push(block: Fields, role: string, marker: Omit<Marker, "block"> | null): void {
		const rendered = render(block);
		this.#mix(`${this.#level} ${role}`, rendered);
		this.#total += tokensOf(block, rendered, this.#charsPerToken);
		this.#hashes.push(this.#hash);
		this.#tokens.push(this.#total);
		const type = block["type"];
		this.#kinds.push(type === "tool_use" || type === "tool_result" ? type : "other");
		if (isMarkable(block)) this.#lastEligible = this.#hashes.length - 1;
		this.#mark(marker, this.#hashes.length - 1);
	}

	#mark(marker: Omit<Marker, "block"> | null, block: number): void {
		if (marker !== null) this.#markers.push({ ...marker, block });
	}

	#mix(place: string, text: string): void {
		this.#hash = digest("sha256", `${this.#hash} ${place} ${text}`);
	}
}
