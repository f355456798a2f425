// What an error body says, in whatever form its server writes errors. Leaves what the error means to reasons and the providers.
import { type JsonObject, textOf } from "./json.ts";

/** Members that hold the words: most servers · SiliconFlow · AWS · FastAPI · Baidu. */
const WORDS = ["message", "msg", "Message", "detail", "error_msg"];

/** The words of a parsed body; null = it has none. `root` is the body, `error` the object within it that is about the error. */
export function errorWords(root: JsonObject | null, error: JsonObject | null): string | null {
	const raw = rawWords(error);
	const said = wordsIn(error) ?? textOf(root, "error") ?? wordsIn(root) ?? named(error);
	return said === null || raw === null || raw === said ? said : `${said}: ${raw}`;
}

/** Where there are no words, what the error is called. */
function named(error: JsonObject | null): string | null {
	const names = [error?.["type"], error?.["code"], error?.["status"]].filter(
		(name) => (typeof name === "string" && name !== "") || typeof name === "number",
	);
	return names.length === 0 ? null : `The upstream reported an error without a message: ${names.join(", ")}`;
}

function wordsIn(object: JsonObject | null): string | null {
	for (const name of WORDS) {
		const words = textOf(object, name) ?? (name === "detail" ? detailWords(object?.["detail"]) : null);
		if (words !== null) return words;
	}
	return null;
}

/** Some put an object there; FastAPI's lists are read in reasons. */
function detailWords(detail: unknown): string | null {
	return textOf(detail, "message") ?? textOf(detail, "msg") ?? textOf(detail, "error");
}

/** OpenRouter says `Provider returned error`, and what the provider said in `metadata.raw`. */
function rawWords(error: JsonObject | null): string | null {
	return textOf(error?.["metadata"], "raw");
}
