// Pieces of tool calls in a Chat Completions stream → whole calls, whose pieces belong together by id, index, name and completeness: no
// one of these is reliable with every server. Leaves the events that are made of them to upstream-stream.
import { jsonText } from "../json-text.ts";
import type { JsonObject } from "./json.ts";
import { ArgumentsText, inputOf } from "./upstream-arguments.ts";
import type { CallPiece } from "./upstream-parts.ts";

/** Where calls go as they become known. */
export interface CallSink {
	/** A call's id and name are known; gives the index of its block. */
	begin(id: string, name: string): number;
	/** More of the arguments of the call in that block. */
	more(block: number, args: string): void;
	/** What the server wants back with the call of this id; mostly just before it begins. */
	brought(id: string, extra: JsonObject): void;
}

interface Call {
	readonly index: number | null;
	id: string;
	/** As the client gets to know it; null = not begun. */
	ownId: string | null;
	name: string;
	/** What the server wants back. */
	extra: JsonObject | null;
	isBrought: boolean;
	readonly reading: ArgumentsText;
	/** How much of the arguments was given on, characters. */
	given: number;
	/** null = not begun. */
	block: number | null;
}

/** Stands for a name that never came: the client refuses it, and the model reads why. */
const NAMELESS = "unknown_tool";

/** The calls of one stream. A call is held until its id and name are known, a later call begins, or the answer ends. */
export class StreamedCalls {
	readonly #sink: CallSink;
	/** Ids for calls that have none begin so. */
	readonly #idPrefix: () => string;
	readonly #calls: Call[] = [];
	/** Of several with one id, or one index, the latest. */
	readonly #byId = new Map<string, Call>();
	readonly #byIndex = new Map<number, Call>();
	/** Calls that lack something. */
	readonly #waiting = new Set<Call>();
	readonly #ids = new Set<string>();

	constructor(sink: CallSink, idPrefix: () => string) {
		this.#sink = sink;
		this.#idPrefix = idPrefix;
	}

	/** Blocks of the calls that have begun. */
	get blocks(): readonly number[] {
		return this.#calls.flatMap(({ block }) => block ?? []);
	}

	add(piece: CallPiece): void {
		const call = this.#callOf(piece) ?? this.#open(piece);
		if (call.id === "" && piece.id !== "") {
			call.id = piece.id;
			this.#byId.set(piece.id, call);
		}
		if (call.name === "") call.name = piece.name;
		call.extra ??= piece.extra;
		call.reading.push(piece.args);
		if (call.id !== "" && call.name !== "") this.#give(call);
	}

	/** The answer is over: what is known of the calls is all there is. */
	close(): void {
		for (const call of this.#calls) {
			this.#giveAll(call);
			this.#bring(call);
			const { isSettled, text } = call.reading;
			if (!isSettled && text !== "" && call.block !== null) this.#sink.more(call.block, jsonText(inputOf(text)));
		}
	}

	#callOf(piece: CallPiece): Call | null {
		const { id, index, name } = piece;
		const called = this.#byId.get(id);
		if (called !== undefined && (name === "" || index === null || (called.index ?? index) === index))
			return isAnother(called, piece) ? null : called;
		const last = this.#calls.at(-1);
		const unnumbered = last?.index === null ? last : undefined;
		const there = index === null ? last : (this.#byIndex.get(index) ?? unnumbered);
		if (there === undefined || isAnother(there, piece)) return null;
		if (id !== "" && there.id !== "") return isContinued(there, piece) ? there : null;
		return there;
	}

	#open({ index }: CallPiece): Call {
		for (const earlier of this.#waiting) this.#giveAll(earlier);
		const call: Call = {
			index,
			id: "",
			ownId: null,
			name: "",
			extra: null,
			isBrought: false,
			reading: new ArgumentsText(),
			given: 0,
			block: null,
		};
		this.#calls.push(call);
		this.#waiting.add(call);
		if (index !== null) this.#byIndex.set(index, call);
		return call;
	}

	#giveAll(call: Call): void {
		if (call.name === "" && call.reading.text === "") return;
		if (call.name === "") call.name = NAMELESS;
		this.#give(call);
	}

	#give(call: Call): void {
		if (call.block === null) {
			call.ownId = this.#uniqueId(call.id);
			this.#bring(call);
			call.block = this.#sink.begin(call.ownId, call.name);
			this.#waiting.delete(call);
		}
		const { isSettled, text } = call.reading;
		if (!isSettled || call.given === text.length) return;
		this.#sink.more(call.block, text.slice(call.given));
		call.given = text.length;
	}

	#bring(call: Call): void {
		if (call.ownId === null || call.extra === null || call.isBrought) return;
		this.#sink.brought(call.ownId, call.extra);
		call.isBrought = true;
	}

	/** Clients pair calls and results by id, within a whole conversation. */
	#uniqueId(sent: string): string {
		let id = sent === "" ? `${this.#idPrefix()}_${this.#ids.size}` : sent;
		if (this.#ids.has(id)) id = `${id}_${this.#ids.size}`;
		this.#ids.add(id);
		return id;
	}
}

/** Whether a piece begins a call of its own, though its id or index is that of `call`. */
function isAnother(call: Call, { id, name, args }: CallPiece): boolean {
	if (name === "" || call.name === "") return false;
	if (name !== call.name) return true;
	const { isComplete, isSettled, text } = call.reading;
	if (!isComplete || (!isSettled && id !== "" && id === call.id)) return false;
	return args.trim() !== "" && args.trim() !== text.trim();
}

/** A piece with another id may still belong to `call`: some proxies make up an id for each chunk. A call of its own has a name. */
function isContinued(call: Call, { index, name }: CallPiece): boolean {
	return index !== null && index === call.index && name === "" && call.name !== "" && !call.reading.isComplete;
}
