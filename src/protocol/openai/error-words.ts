// What an error body says, in whatever form its server writes errors. Leaves what the error means to reasons and the providers.
import { asList, type JsonObject, member, textOf } from "./json.ts";

/** Members that hold the words: most servers · SiliconFlow · AWS · FastAPI · Baidu. */
const WORDS = ["message", "msg", "Message", "detail", "error_msg"];

/** The words of a parsed body; null = it has none. `root` is the body, `error` the object within it that is about the error. */
export function errorWords(root: JsonObject | null, error: JsonObject | null): string | null {
	const raw = rawWords(error);
	const said = placed(wordsIn(error) ?? textOf(root, "error") ?? wordsIn(root), error ?? root) ?? named(error);
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
		const words = textOf(object, name) ?? detailWords(object?.[name]);
		if (words !== null) return words;
	}
	return null;
}

/** Some put an object there, and Mistral FastAPI's list in one. */
function detailWords(detail: unknown): string | null {
	return (
		textOf(detail, "message") ?? textOf(detail, "msg") ?? textOf(detail, "error") ?? faultsOf(member(detail, "detail"))
	);
}

/** FastAPI's list of what is wrong where: `body.stream_options: Extra inputs are not permitted`. Null where it is none. */
export function faultsOf(detail: unknown): string | null {
	const faults = asList(detail).flatMap((fault) => {
		const said = textOf(fault, "msg");
		const place = asList(member(fault, "loc")).join(".");
		return said === null ? [] : [place === "" ? said : `${place}: ${said}`];
	});
	return faults.length === 0 ? null : faults.join("; ");
}

/** A member of a request, none of what is within one. */
const OPTION = /^[a-z_]{3,40}$/;

/** The words with the option that they are about, where only another member names it: `Unknown parameter.` */
function placed(words: string | null, error: JsonObject | null): string | null {
	const param = textOf(error, "param");
	if (words === null || param === null || !OPTION.test(param) || words.includes(param)) return words;
	return `${words} (${param})`;
}

/** OpenRouter says `Provider returned error`, and what the provider said in `metadata.raw`. */
function rawWords(error: JsonObject | null): string | null {
	return textOf(error?.["metadata"], "raw");
}
