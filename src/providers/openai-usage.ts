// Asking OpenAI-compatible servers for a stream's usage, which they report only where `stream_options.include_usage` is set, and not asking those
// that refuse it. Leaves taking the chunk out again to proxy/answer/usage-hider.
import type { BodyChange } from "../protocol/edit.ts";
import type { membersAt } from "../protocol/walk.ts";
import type { UpstreamFailure } from "./provider.ts";

type Members = ReturnType<typeof membersAt>;

/** Operations that stream chunks and know the option. */
const PATHS: ReadonlySet<string> = new Set(["", "/chat/completions", "/completions"]);
const OPTION = "stream_options";

/** What has to be changed in a client's own body so that usage comes; null = nothing, or it is no such request. */
export function usageEdits(
	body: Buffer,
	members: Members,
	path: string,
): Required<Pick<BodyChange, "insert" | "replace">> | null {
	const textOf = (member: Members[number]) => body.toString("utf8", member.start, member.end);
	const stream = members.findLast(({ name }) => name === "stream");
	if (!PATHS.has(path) || stream === undefined || textOf(stream) !== "true") return null;
	const option = members.findLast(({ name }) => name === OPTION);
	if (option === undefined) return { insert: [{ name: OPTION, value: '{"include_usage":true}' }], replace: [] };
	const sent = parsed(textOf(option));
	// What is no object is the client's own fault, and the server says so.
	if (typeof sent !== "object" || Array.isArray(sent)) return null;
	if (sent !== null && "include_usage" in sent && sent.include_usage === true) return null;
	return { insert: [], replace: [{ member: option, value: JSON.stringify({ ...sent, include_usage: true }) }] };
}

/**
 * Servers that do not know the option refuse the whole request: "Unrecognized request argument supplied: stream_options" (older Azure),
 * "Extra inputs are not permitted" with the field's name (Mistral, FastAPI), "unknown field" (vLLM before 0.4.3), and servers in Python that
 * fail over an "unexpected keyword argument".
 */
export function refusesUsage({ status, message }: Pick<UpstreamFailure, "status" | "message">): boolean {
	return status !== null && REFUSING.has(status) && /stream_options|include_usage/.test(message);
}

const REFUSING: ReadonlySet<number> = new Set([400, 422, 500, 501]);

function parsed(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}
