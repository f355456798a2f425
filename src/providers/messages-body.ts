// The canonical body and headers as upstreams of the Messages API want them, whatever format the client spoke. Leaves other platforms'
// bodies to their own files.
import { type BodyChange, editMembers } from "../protocol/edit.ts";
import type { Call, Member } from "./provider.ts";

/** Version that a Bedrock or Vertex client means when it names its platform's own. */
const PLAIN_VERSION = "2023-06-01";
const PLATFORM_VERSION = /^(bedrock|vertex)-/;

/**
 * The body with the upstream's model, and with model and stream in it where the client's format has them in the URL; what belongs in a
 * header here is taken off, and so is what `fit` says. The same buffer where nothing differs, as for a client of the Messages API that names the upstream's model.
 */
export function messagesBody(call: Call, fit: Pick<BodyChange, "remove" | "replace">): Buffer {
	const { body, members } = call;
	const replace: NonNullable<BodyChange["replace"]>[number][] = [...(fit.replace ?? [])];
	const insert: NonNullable<BodyChange["insert"]>[number][] = [];
	const model = quoted(call.model);
	if (members.model === null) insert.push({ name: "model", value: model });
	else replace.push({ member: members.model, value: model });
	if (call.operation === "messages") {
		if (members.stream === null) {
			if (call.stream) insert.push({ name: "stream", value: "true" });
		} else if (body.toString("latin1", members.stream.start, members.stream.end) !== String(call.stream)) {
			replace.push({ member: members.stream, value: String(call.stream) });
		}
	}
	const remove = [...(fit.remove ?? [])];
	for (const member of [members.anthropicVersion, members.anthropicBeta]) if (member !== null) remove.push(member);
	return editMembers(body, { replace, insert, remove });
}

let lastQuoted = { model: "", text: '""' };

/** As JSON. Most requests are for the model of the one before. */
function quoted(model: string): string {
	if (lastQuoted.model !== model) lastQuoted = { model, text: JSON.stringify(model) };
	return lastQuoted.text;
}

/**
 * `anthropic-version` and `anthropic-beta` that the body says, which win over the client's headers of those names; null where it says
 * nothing, so that the client's own headers stand.
 */
export function headersFromBody(call: Call): ReadonlyMap<string, string> | null {
	const { anthropicVersion, anthropicBeta } = call.members;
	if (anthropicVersion === null && anthropicBeta === null) return null;
	const headers = new Map<string, string>();
	if (anthropicVersion !== null) {
		const version = textAt(call.body, anthropicVersion);
		headers.set("anthropic-version", PLATFORM_VERSION.test(version) ? PLAIN_VERSION : version);
	}
	if (anthropicBeta !== null && call.betas.length > 0) headers.set("anthropic-beta", call.betas.join(","));
	return headers;
}

/** A string member's value; "" when it is no string. */
export function textAt(body: Buffer, { start, end }: Member): string {
	const value: unknown = JSON.parse(body.toString("utf8", start, end));
	return typeof value === "string" ? value : "";
}
