// Names of tools that an OpenAI-compatible server refuses, sent under another name and called by their own again in its answers. Also the ids
// of calls, which only go one way. Nothing is remembered: a name's other name depends on the name alone.
import { hash } from "node:crypto";

/** What OpenAI, Mistral, Gemini and their like admit; the Messages API admits 128 characters (cline/cline#11885). */
const ADMITTED = /^[a-zA-Z_][a-zA-Z0-9_-]{0,63}$/;
/** How every other name ends. A client's own name that ends so is renamed too, so that none is ever taken for the other. */
const RENAMED = /_[0-9a-f]{16}$/;
const HASH_LENGTH = 16;
/** Characters of the original that a renamed tool keeps, for whoever reads a log. */
const KEPT_LENGTH = 64 - HASH_LENGTH - 1;

/** The names of one request. */
export class ToolNames {
	/** The client's name → the upstream's; only those that differ. */
	readonly #sent = new Map<string, string>();
	/** The upstream's name → the client's; only those that differ. */
	readonly #given = new Map<string, string>();

	/** Under which name the upstream knows the client's tool. */
	toUpstream(name: string): string {
		if (ADMITTED.test(name) && !RENAMED.test(name)) return name;
		const known = this.#sent.get(name);
		if (known !== undefined) return known;
		let other = renamed(name, 0);
		// Two names with one hash: not to be expected, and not left to chance.
		for (let salt = 1; this.#given.has(other); salt++) other = renamed(name, salt);
		this.#sent.set(name, other);
		this.#given.set(other, name);
		return other;
	}

	/** How the client calls what the upstream called `name`. */
	toClient(name: string): string {
		return this.#given.get(name) ?? name;
	}
}

function renamed(name: string, salt: number): string {
	const digest = hash("sha256", salt === 0 ? name : `${salt}:${name}`, "hex").slice(0, HASH_LENGTH);
	const legible = name.replace(/[^a-zA-Z0-9_-]/g, "_").replace(/^(?![a-zA-Z_])/, "t");
	return `${legible.slice(0, KEPT_LENGTH)}_${digest}`;
}

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** An id of a tool call in the form that a server takes; the same id always becomes the same, in calls and in results. */
export function toolCallId(id: unknown, form: "nine" | "forty" | null): unknown {
	if (typeof id !== "string" || form === null) return id;
	if (form === "forty") return id.length <= 40 ? id : `call_${hash("sha256", id, "hex").slice(0, 35)}`;
	if (/^[a-zA-Z0-9]{9}$/.test(id)) return id;
	const bytes = hash("sha256", id, "buffer");
	return Array.from(bytes.subarray(0, 9), (byte) => DIGITS[byte % DIGITS.length]).join("");
}
