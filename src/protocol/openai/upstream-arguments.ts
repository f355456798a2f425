// Arguments of a tool call as OpenAI-compatible servers write them: JSON text, whole or in pieces, sometimes twice or encoded once more.
// Leaves which call a piece belongs to to upstream-calls.
import { asObject, type JsonObject, parseLenient } from "./json.ts";

/** Under this name stand arguments that are no JSON object: the tool refuses them, and the model sees what it wrote. */
const UNREADABLE = "raw_arguments";

/** How servers and models write that there are none, besides an empty object. */
const NONE: ReadonlySet<string> = new Set(["", "null", "[]", "None"]);
/** Some models fence what they write. */
const FENCED = /^```(?:json)?\s*(.*?)\s*```$/s;

/** Whole arguments as the Messages API's `input`. */
export function inputOf(args: string): JsonObject {
	const said = args.trim();
	if (NONE.has(said)) return {};
	const text = FENCED.exec(said)?.[1] ?? said;
	const parsed = parseLenient(text) ?? parseLenient(objectIn(text));
	if (typeof parsed === "string" && NONE.has(parsed.trim())) return {};
	const value = typeof parsed === "string" ? parseLenient(parsed) : parsed;
	return asObject(value) ?? { [UNREADABLE]: args };
}

/** The first object that says something, where one follows another. */
function objectIn(text: string): string {
	const reading = new ArgumentsText();
	reading.push(text);
	return reading.text;
}

/** Arguments as they come: finds where their object is closed, reading each character once. */
export class ArgumentsText {
	#text = "";
	#depth = 0;
	#inString = false;
	#escaped = false;
	#hasMembers = false;
	/** The first character that is no white space. */
	#first = "";

	/** What has come, up to the end of the object. */
	get text(): string {
		return this.#text;
	}

	/** The JSON object is closed. */
	get isComplete(): boolean {
		return this.#first === "{" && this.#depth === 0;
	}

	/** An object with members: nothing that comes later changes what it began with. */
	get isSettled(): boolean {
		return this.#first === "{" && this.#hasMembers;
	}

	/**
	 * Takes what of the piece belongs to the object: nothing does behind its last brace, where servers repeat the whole. Some begin with an
	 * empty object, and the real one follows (Gemini: microsoft/autogen#7549).
	 */
	push(piece: string): void {
		let from = 0;
		for (let at = 0; at < piece.length; at += 1) {
			const char = piece[at] as string;
			if (this.isComplete) {
				if (char.trim() === "") continue;
				if (this.#hasMembers || char !== "{") {
					this.#text += piece.slice(from, at);
					return;
				}
				this.#text = "";
				this.#first = "";
				from = at;
			}
			this.#char(char);
		}
		this.#text += piece.slice(from);
	}

	#char(char: string): void {
		if (this.#first === "") this.#first = char.trim();
		else if (char !== "}" && char.trim() !== "") this.#hasMembers = true;
		if (this.#inString) this.#inside(char);
		else if (char === '"') this.#inString = true;
		else if (char === "{" || char === "[") this.#depth += 1;
		else if (char === "}" || char === "]") this.#depth -= 1;
	}

	#inside(char: string): void {
		if (this.#escaped) this.#escaped = false;
		else if (char === "\\") this.#escaped = true;
		else if (char === '"') this.#inString = false;
	}
}
