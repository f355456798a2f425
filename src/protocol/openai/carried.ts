// What a server wants back with the next turn and the Messages API has no place for (Gemini's thought signatures, OpenRouter's
// reasoning_details): carried round by the client as the signature of an empty thinking block, so that it survives restarts and other
// replicas. Thinking that Claude signed is not ours.
import { jsonText } from "../json-text.ts";
import { asList, asObject, type Draft, type JsonObject, numberOf, parseLenient, textOf } from "./json.ts";

/** Signature of thinking that came from such a server: nobody signed it. What is carried stands behind a dot. */
export const UNSIGNED = "warmpath-unsigned";
const CARRIER = `${UNSIGNED}.`;

/** A block for the `extra_content` of a tool call; null = there is none. `id` is the call's, as the client gets to see it. */
export function carrierOf(id: string, extra: JsonObject | null): Draft | null {
	return extra === null || Object.keys(extra).length === 0 ? null : sealed({ id, extra_content: extra });
}

function sealed(content: JsonObject): Draft {
	const seal = Buffer.from(jsonText(content)).toString("base64url");
	return { type: "thinking", thinking: "", signature: `${CARRIER}${seal}` };
}

/**
 * The `reasoning_details` of one answer, from a whole message or from the deltas of a stream, whose pieces belong together by type and
 * index (openrouter.ai/docs, Reasoning tokens, Preserving reasoning).
 */
export class ReasoningDetails {
	readonly #details: Draft[] = [];

	add(message: JsonObject | null): void {
		for (const piece of asList(message?.["reasoning_details"]).map(asObject)) {
			if (piece === null) continue;
			const index = numberOf(piece, "index");
			const open =
				index === null
					? undefined
					: this.#details.find((each) => each["index"] === index && each["type"] === piece["type"]);
			if (open === undefined) this.#details.push({ ...piece });
			else for (const [name, value] of Object.entries(piece)) open[name] = grown(name, open[name], value);
		}
	}

	/** A block for them; null where they are plain text only, which comes back as the thinking that it was shown as. */
	get carrier(): Draft | null {
		const isSealed = this.#details.some(
			(each) => typeof each["data"] === "string" || typeof each["signature"] === "string",
		);
		return isSealed ? sealed({ reasoning_details: this.#details }) : null;
	}
}

/** Members that come in pieces. */
const PIECEWISE: ReadonlySet<string> = new Set(["text", "summary", "data"]);

function grown(name: string, had: unknown, more: unknown): unknown {
	if (PIECEWISE.has(name) && typeof had === "string" && typeof more === "string") return had + more;
	return more ?? had;
}

/** What the blocks of one assistant message carry. */
export interface Carried {
	/** `extra_content` by the id of its tool call. */
	readonly extras: ReadonlyMap<string, JsonObject>;
	readonly reasoningDetails: readonly unknown[];
}

export function carriedBy(blocks: readonly JsonObject[]): Carried {
	const extras = new Map<string, JsonObject>();
	const reasoningDetails: unknown[] = [];
	for (const block of blocks) {
		const signature = block["type"] === "thinking" ? textOf(block, "signature") : null;
		if (signature?.startsWith(CARRIER) !== true) continue;
		const opened = asObject(parseLenient(Buffer.from(signature.slice(CARRIER.length), "base64url").toString("utf8")));
		const id = textOf(opened, "id");
		const extra = asObject(opened?.["extra_content"]);
		if (id !== null && extra !== null) extras.set(id, extra);
		reasoningDetails.push(...asList(opened?.["reasoning_details"]));
	}
	return { extras, reasoningDetails };
}

/** The reasoning in plain text of an assistant message that such a server wrote. */
export function unsignedReasoning(blocks: readonly JsonObject[]): string {
	return blocks
		.filter((block) => block["type"] === "thinking" && block["signature"] === UNSIGNED)
		.map((block) => textOf(block, "thinking") ?? "")
		.join("");
}

/** By this, Gemini lets a call pass that it did not make (ai.google.dev/gemini-api/docs/thought-signatures, FAQ). */
export const NO_THOUGHT: JsonObject = { google: { thought_signature: "skip_thought_signature_validator" } };
