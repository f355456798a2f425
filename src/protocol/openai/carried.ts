// What a server wants back with the next turn and the Messages API has no place for (Gemini's thought signatures): carried round by the client
// as the signature of an empty thinking block, so that it survives restarts and other replicas. Thinking that Claude signed is not ours.
import { jsonText } from "../json-text.ts";
import { asObject, type Draft, type JsonObject, parseLenient, textOf } from "./json.ts";

/** Signature of thinking that came from such a server: nobody signed it. What is carried stands behind a dot. */
export const UNSIGNED = "warmpath-unsigned";
const CARRIER = `${UNSIGNED}.`;

/** A block for the `extra_content` of a tool call; null = there is none. `id` is the call's, as the client gets to see it. */
export function carrierOf(id: string, extra: JsonObject | null): Draft | null {
	if (extra === null || Object.keys(extra).length === 0) return null;
	const sealed = Buffer.from(jsonText({ id, extra_content: extra })).toString("base64url");
	return { type: "thinking", thinking: "", signature: `${CARRIER}${sealed}` };
}

/** `extra_content` by the id of its tool call, from the blocks of one assistant message. */
export function carriedBy(blocks: readonly JsonObject[]): ReadonlyMap<string, JsonObject> {
	const carried = new Map<string, JsonObject>();
	for (const block of blocks) {
		const signature = block["type"] === "thinking" ? textOf(block, "signature") : null;
		if (signature?.startsWith(CARRIER) !== true) continue;
		const opened = asObject(parseLenient(Buffer.from(signature.slice(CARRIER.length), "base64url").toString("utf8")));
		const id = textOf(opened, "id");
		const extra = asObject(opened?.["extra_content"]);
		if (id !== null && extra !== null) carried.set(id, extra);
	}
	return carried;
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
