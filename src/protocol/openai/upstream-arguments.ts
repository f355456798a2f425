// Arguments of a tool call as OpenAI-compatible servers write them: JSON text, whole or in pieces, sometimes twice or encoded once more.
// Leaves which call a piece belongs to to upstream-calls.
import { asObject, type JsonObject, parseLenient } from "./json.ts";

/** Under this name stand arguments that are no JSON object: the tool refuses them, and the model sees what it wrote. */
const UNREADABLE = "raw_arguments";

/** Whole arguments as the Messages API's `input`. */
export function inputOf(args: string): JsonObject {
	if (args.trim() === "") return {};
	const parsed = parseLenient(args) ?? parseLenient(new ArgumentsText().push(args));
	const value = typeof parsed === "string" ? parseLenient(parsed) : parsed;
	return asObject(value) ?? (value === null ? {} : { [UNREADABLE]: args });
}

/** Arguments as they come: finds where their object is closed, reading each character once. */
export class ArgumentsText {
	#depth = 0;
	#inString = false;
	#escaped = false;
	/** The first character that is no white space. */
	#first = "";

	/** The JSON object is closed. */
	get isComplete(): boolean {
		return this.#first === "{" && this.#depth === 0;
	}

	/** A JSON string, whose content is the arguments. */
	get isQuoted(): boolean {
		return this.#first === '"';
	}

	/** Gives what of the piece belongs to the object: nothing does behind its last brace, where servers repeat the whole. */
	push(piece: string): string {
		for (let at = 0; at < piece.length; at += 1) {
			if (this.isComplete) return piece.slice(0, at);
			this.#char(piece[at] as string);
		}
		return piece;
	}

	#char(char: string): void {
		if (this.#first === "") this.#first = char.trim();
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
