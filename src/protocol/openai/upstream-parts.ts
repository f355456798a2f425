// What a message, or a delta of one, of an OpenAI-compatible server says, whatever form the server gives it. Leaves the blocks and events
// that are made of it to upstream-answer and upstream-stream.
import { jsonText } from "../json-text.ts";
import { asList, asObject, type JsonObject, member, numberOf, textOf } from "./json.ts";

/** A piece of text or of reasoning. */
export interface Said {
	readonly type: "text" | "thinking";
	readonly text: string;
}

/** A tool call, or a piece of one; empty = this piece does not say it. */
export interface CallPiece {
	readonly index: number | null;
	readonly id: string;
	readonly name: string;
	/** JSON text. */
	readonly args: string;
	/** `extra_content`: what the server wants back with the call. */
	readonly extra: JsonObject | null;
}

/**
 * Members that hold reasoning; the first that says something counts, because servers send the same under two names. `reasoning_content`:
 * DeepSeek, SGLang, older vLLM · `reasoning`: newer vLLM, Groq, OpenRouter · `reasoning_details`: OpenRouter · `thinking`: Ollama.
 */
const REASONING = ["reasoning_content", "reasoning", "reasoning_details", "thinking"];

/** Types of content parts, by what they say (Mistral's "Handling thinking chunks"; OpenAI's own part names). */
const PART_TYPES: Readonly<Record<string, Said["type"]>> = {
	text: "text",
	output_text: "text",
	refusal: "text",
	thinking: "thinking",
	reasoning: "thinking",
	reasoning_text: "thinking",
	summary_text: "thinking",
};

/** Where parts keep their text. */
const TEXT_MEMBERS = ["text", "thinking", "reasoning", "refusal", "summary", "content", "value"];
/** A part's text may be a list of parts again. Deeper than this there is none. */
const MOST_LEVELS = 4;

/** Text and reasoning, in the order in which they are to be read. */
export function saidIn(message: JsonObject | null): Said[] {
	const said: Said[] = [];
	const reasoning = REASONING.map((name) => textIn(message?.[name])).find((text) => text !== "");
	if (reasoning !== undefined) said.push({ type: "thinking", text: reasoning });
	const content = message?.["content"];
	for (const part of Array.isArray(content) ? content : [content]) said.push(...partSaid(part));
	const refusal = textOf(message, "refusal") ?? "";
	if (refusal !== "" && !said.some(({ type }) => type === "text")) said.push({ type: "text", text: refusal });
	return said;
}

function partSaid(part: unknown): Said[] {
	const named = textOf(part, "type") ?? "text";
	const type = Object.hasOwn(PART_TYPES, named) ? PART_TYPES[named] : undefined;
	const text = type === undefined ? "" : textIn(part);
	return type === undefined || text === "" ? [] : [{ type, text }];
}

/** A string; the text of a part; the texts of a list, one after the other. */
function textIn(value: unknown, level = 0): string {
	if (typeof value === "string") return value;
	if (level > MOST_LEVELS) return "";
	if (Array.isArray(value)) return value.map((each) => textIn(each, level + 1)).join("");
	const object = asObject(value);
	if (object === null) return "";
	const name = TEXT_MEMBERS.find((each) => object[each] !== undefined && object[each] !== null);
	return name === undefined ? "" : textIn(object[name], level + 1);
}

/**
 * Calls of a message, or pieces of them. Of several in one list that bear no index, the place in the list stands for it. `function_call`
 * is what `tool_calls` was before.
 */
export function callsIn(message: JsonObject | null): CallPiece[] {
	const sent = message?.["tool_calls"];
	const calls = Array.isArray(sent) ? sent : asObject(sent) === null ? [] : [sent];
	const pieces = calls.map((call, at) => callPiece(call, calls.length > 1 ? at : null));
	const legacy = asObject(message?.["function_call"]);
	if (legacy !== null && pieces.length === 0) pieces.push(callPiece({ function: legacy }, null));
	return pieces;
}

function callPiece(call: unknown, at: number | null): CallPiece {
	// Some bridges leave the wrapper out.
	const described = asObject(member(call, "function")) ?? asObject(call);
	return {
		index: indexOf(call) ?? at,
		id: textOf(call, "id") ?? "",
		name: textOf(described, "name") ?? "",
		args: argumentsText(described?.["arguments"] ?? described?.["parameters"]),
		extra: asObject(member(call, "extra_content")),
	};
}

/** A number, which some bridges write as text. */
function indexOf(call: unknown): number | null {
	const written = textOf(call, "index") ?? "";
	return numberOf(call, "index") ?? (/^\d{1,4}$/.test(written) ? Number(written) : null);
}

/** Servers give arguments as JSON text, or as the object itself (Hugging Face TGI, bridges to Ollama). */
function argumentsText(args: unknown): string {
	if (typeof args === "string") return args;
	const object = asObject(args);
	return object === null || Object.keys(object).length === 0 ? "" : jsonText(object);
}

/**
 * What a whole answer says. One is asked for, but GitHub Copilot puts text and calls of one answer into choices of their own, each with
 * its reason to stop (HKUDS/nanobot#1555).
 */
export function messagesIn(completion: JsonObject): JsonObject[] {
	return asList(completion["choices"]).map(
		(choice) => asObject(member(choice, "message")) ?? { content: member(choice, "text") },
	);
}

/** The choice that is read: the first. */
export function firstChoice(completion: JsonObject | null): JsonObject | null {
	return asObject(asList(completion?.["choices"])[0]);
}

/** Why a choice ends; null while it goes on, which some servers say by an empty text. */
export function finishOf(choice: unknown): string | null {
	const finish = textOf(choice, "finish_reason");
	return finish === "" || finish === "null" ? null : finish;
}
