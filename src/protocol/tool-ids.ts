// Ids of tool calls in a form that every platform of Claude takes, alike in a call and in its result. Leaves finding them in a
// conversation to those who translate or repair one.
import { hash } from "node:crypto";

/** `messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'` is what the Messages API answers to others. */
const LEGAL = /^[a-zA-Z0-9_-]+$/;
const ILLEGAL = /[^a-zA-Z0-9_-]/g;
/** Bedrock's and OpenAI's limit (API references: ToolUseBlock.toolUseId, tool_call_id). */
const LONGEST = 64;
const DIGITS = 12;

/** The id in legal form: a legal one as it is, "" for an empty one. */
function legalId(id: string): string {
	const legal = LEGAL.test(id) ? id : id.replace(ILLEGAL, "_");
	if (legal.length <= LONGEST) return legal;
	return `${legal.slice(0, LONGEST - DIGITS - 1)}_${hash("sha256", id, "hex").slice(0, DIGITS)}`;
}

interface OpenCall {
	readonly given: string;
	readonly id: string;
}

/**
 * The ids of one conversation, to be asked in its order. An id depends on what stands before it and never on what follows, so that the
 * same messages always become the same bytes. Servers number calls anew in every answer (`call_0`), give the same id to several or none
 * at all: a call gets an id that no earlier one has, and a result that of the open call it belongs to.
 */
export class ToolIds {
	readonly #used = new Set<string>();
	#open: OpenCall[] = [];
	#answered = false;

	/** The id of the next call, `given` by its server; `spare` stands in for an empty one. */
	call(given: string, spare: string): string {
		if (this.#answered) this.#open = [];
		this.#answered = false;
		const base = legalId(given) || legalId(spare);
		let id = base;
		for (let at = 2; this.#used.has(id); at += 1) id = legalId(`${base}_${at}`);
		this.#used.add(id);
		this.#open.push({ given, id });
		return id;
	}

	/** The id of the next result; null = it names no call, and none is open. */
	result(given: string): string | null {
		this.#answered = true;
		const at = given === "" ? 0 : this.#open.findIndex((call) => call.given === given);
		const [found] = at < 0 ? [] : this.#open.splice(at, 1);
		// A call that is not there is the upstream's to miss.
		return found?.id ?? (legalId(given) || null);
	}

	/** Somebody else speaks: calls that come now belong to another turn. */
	turn(): void {
		this.#answered = true;
	}
}
